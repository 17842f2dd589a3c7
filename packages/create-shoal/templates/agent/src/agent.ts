/** The agent, all of it: what it can do, and how. */
import { createAgent } from '@shoal/agent-sdk';
import { Type, defineSkill } from '@shoal/agent-sdk/skills';

/** Both ends check input and output against these schemas; the agent's card shows them. */
export const judge = defineSkill({
  id: 'judge-reading',
  description: 'Says whether a reading is inside its limits, and by how much it is not.',
  input: Type.Object({ value: Type.Number(), low: Type.Number(), high: Type.Number() }),
  output: Type.Object({
    verdict: Type.Union([Type.Literal('inside'), Type.Literal('below'), Type.Literal('above')]),
    distance: Type.Number({ minimum: 0 }),
  }),
});

export interface Running {
  readonly stop: () => Promise<void>;
}

export async function start(url: string): Promise<Running> {
  const agent = createAgent({
    url,
    org: '__org__',
    unit: '__unit__',
    agentId: '__name__',
    card: { name: '__name__', description: 'Judges readings.', version: '0.1.0' },
    skills: [
      judge.handler(({ value, low, high }, task) => {
        if (low > high) {
          task.reject(`low (${low}) is above high (${high})`);
          return undefined;
        }
        if (value < low) return { verdict: 'below', distance: low - value };
        if (value > high) return { verdict: 'above', distance: value - high };
        return { verdict: 'inside', distance: 0 };
      }),
    ],
  });
  await agent.start();
  // What runs may end; what is left is handed back to its sender, who sends it again.
  return { stop: () => agent.stop({ graceMs: 5_000, unfinished: 'hand-back' }) };
}
