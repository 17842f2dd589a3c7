import { parseA2aTopic } from '@shoal/protocol';

/** `org/unit/agentId` as a response topic names it; undefined when it is no reply topic of the profile. */
export function requesterOf(responseTopic: string): string | undefined {
  const topic = parseA2aTopic(responseTopic);
  if (topic?.kind !== 'reply') return undefined;
  const { org, unit, agentId } = topic.address;
  return `${org}/${unit}/${agentId}`;
}
