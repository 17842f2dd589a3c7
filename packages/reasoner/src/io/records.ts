import type { Link } from '@shoal/mqtt-link';
import { agentTopics } from '@shoal/protocol';
import type { RecordSink } from '../types.ts';

export interface RetainedRecordsOptions {
  readonly link: Pick<Link, 'publish'>;
  readonly org: string;
  readonly unit: string;
  /** Seconds until the broker forgets a record. Default 7 days. */
  readonly expirySeconds?: number;
  /** Records of this process that stay; when there are more, the oldest is cleared. Default 100. */
  readonly keep?: number;
}

const WEEK_SECONDS = 7 * 86_400;

/** Puts each record into a retained message of its own: `shoal/v1/{org}/{unit}/agent/{agentId}/reasoning/{reasoningId}`. */
export function retainedRecords(options: RetainedRecordsOptions): RecordSink {
  const { link, org, unit, expirySeconds = WEEK_SECONDS, keep = 100 } = options;
  const written: string[] = [];
  return {
    async write(record) {
      const topic = agentTopics({ org, unit, agentId: record.agentId }).reasoning(record.reasoningId);
      await link.publish(topic, JSON.stringify(record), {
        qos: 1,
        retain: true,
        contentType: 'application/json',
        payloadIsUtf8: true,
        messageExpirySeconds: expirySeconds,
      });
      written.push(topic);
      while (written.length > keep) await link.publish(written.shift()!, '', { qos: 1, retain: true });
    },
  };
}
