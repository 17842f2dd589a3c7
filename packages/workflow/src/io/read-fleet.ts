import { readRetained, type Link } from '@shoal/mqtt-link';
import { discoveryFilter, parseA2aTopic, parseJson, readPresence, validateAgentCard } from '@shoal/protocol';
import type { FleetMember } from '../core/select.ts';

/** Every agent of the unit by its retained card. Cards that do not fit the schema are passed over. */
export async function readFleet(
  link: Link,
  where: { readonly org: string; readonly unit: string },
): Promise<readonly FleetMember[]> {
  const cards = await readRetained(link, discoveryFilter(where));
  return [...cards].flatMap(([topic, message]) => {
    const at = parseA2aTopic(topic);
    const json = parseJson(message.payload);
    if (at?.kind !== 'discovery' || !json.ok) return [];
    const card = validateAgentCard(json.value);
    if (!card.ok) return [];
    const { status } = readPresence(message.userProperties, message.payload.length);
    const known = status === 'online' || status === 'offline' ? status : 'unknown';
    return [{ agentId: at.address.agentId, card: card.value, status: known }];
  });
}
