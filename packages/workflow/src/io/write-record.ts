import type { Link } from '@shoal/mqtt-link';
import type { SessionRecord } from '@shoal/protocol';
import { recordExpirySeconds } from '../core/time.ts';

/**
 * Publishes one retained record and waits for the PUBACK (DESIGN rule 1). It expires with its session (rule 16). `text`: the record as
 * JSON, for who has it already.
 */
export function writeRecord(
  link: Pick<Link, 'publish'>,
  session: Pick<SessionRecord, 'expiresAt'>,
  topic: string,
  record: unknown,
  now: number,
  text: string | Uint8Array = JSON.stringify(record),
): Promise<unknown> {
  return link.publish(topic, text, {
    qos: 1,
    retain: true,
    contentType: 'application/json',
    payloadIsUtf8: true,
    messageExpirySeconds: recordExpirySeconds(session, now),
  });
}
