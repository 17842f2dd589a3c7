import { isLinkError, readRetained } from '@shoal/mqtt-link';
import { discoveryTopic } from '@shoal/protocol';
import type { Check } from '../shapes/doctor.ts';
import { check, type Patient } from './patient.ts';

const TITLE = 'registry';
const PAYLOAD_FORMAT_INVALID = 0x99;
const NOT_AUTHORIZED = 0x87;

/** A card that is none tells what kind of registry looks at cards. */
export async function registry(patient: Patient): Promise<Check> {
  const { org, unit } = patient;
  const agentId = `cli-doctor-card-${Math.random().toString(36).slice(2, 8)}`;
  const topic = discoveryTopic({ org, unit, agentId });
  const link = await patient.open({ clientId: `${org}/${unit}/${agentId}` });
  try {
    await link.publish(topic, '{}', { retain: true });
  } catch (error) {
    if (!isLinkError(error, 'publish-refused')) throw error;
    if (error.reasonCode === PAYLOAD_FORMAT_INVALID)
      return check(
        'registry',
        TITLE,
        'ok',
        `native: it refuses a card that is none and says why (${error.reasonString ?? ''})`,
      );
    if (error.reasonCode === NOT_AUTHORIZED)
      return check(
        'registry',
        TITLE,
        'skip',
        'this credential may register no card',
        'look with the credential of a supervisor or an operator',
      );
    throw error;
  }
  const kept = await readRetained(link, topic, { settleMs: 200, timeoutMs: patient.timeoutMs });
  if (!kept.has(topic))
    return check(
      'registry',
      TITLE,
      'ok',
      'a card that is none was acknowledged and dropped: EMQX keeps a registry (or an access rule drops it in silence)',
    );
  await link.publish(topic, '', { retain: true });
  return check(
    'registry',
    TITLE,
    'info',
    'none: any text is kept as a card, and nobody else tells presence',
    "Shoal works without; agents' wills tell presence. For checked cards use the embedded broker, or EMQX 6.2 with a2a_registry.enable = true",
  );
}
