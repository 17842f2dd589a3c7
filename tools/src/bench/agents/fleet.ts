import type { AgentAddress } from '@shoal/protocol';

export const ORG = 'bench';
export const UNIT = 'agents';

/** Mosquitto's accept backlog is 100: more at once would be refused there. */
export const CONNECTING_AT_ONCE = 64;

export function addressOf(index: number): AgentAddress {
  return { org: ORG, unit: UNIT, agentId: `agent-${index}` };
}

/** A card of about 1.5 kB, as an agent with a few skills has. */
export const SKILLS = Array.from({ length: 4 }, (_, index) => ({
  id: `skill-${index}`,
  name: `Skill ${index}`,
  description: 'Watches the vibration of one machine, and says what is wrong with it. '.repeat(2).trim(),
  tags: ['bench', 'vibration', `tag-${index}`],
}));

/** Does `work` for 0 to count - 1, so many at a time. */
export async function inLanes(
  count: number,
  lanes: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
