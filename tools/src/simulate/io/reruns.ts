import {
  defineBlueprint,
  StepError,
  type Blueprint,
  type RerunOptions,
  type StepContext,
} from '@shoal/workflow';
import { RETRY } from '../../shapes/scenarios.ts';
import { RERUN_ID, SESSION_ID } from './names.ts';
import type { SimScenario } from './scenarios.ts';

/** What is asked for when the first session has ended, and what has to come of it. */
export interface Rerun extends Pick<RerunOptions, 'from' | 'items' | 'repeatEffects'> {
  /** Steps and items whose work is done again in this session. All others keep what they gave. */
  readonly again: readonly string[];
}

/** Fails in the first session, in a fan-out for even items, and works in the one after it. */
export function mends(pauseMs: () => number, acted: (context: StepContext) => void): Blueprint {
  return defineBlueprint({
    id: 'mends',
    description: 'Fails at first.',
    run: async (context) => {
      const { sessionId, stepId, item } = context;
      await new Promise((resolve) => void setTimeout(resolve, pauseMs()));
      acted(context);
      const fails = item === undefined || Number(item) % 2 === 0;
      if (sessionId === SESSION_ID && fails) throw new StepError('BROKEN', 'it is broken');
      return { output: `${stepId} in ${sessionId === SESSION_ID ? 'the first' : 'the second'}` };
    },
  });
}

type Step = readonly [id: string, needs: string, use?: string, more?: string];

function rerun(
  name: string,
  steps: readonly Step[],
  what: Rerun,
  more: Partial<SimScenario> = {},
): SimScenario {
  const lines = steps.map(
    ([id, needs, use = 'blueprint: work', rest = '']) =>
      `  - { id: ${id}, use: { ${use} }, needs: [${needs}], ${RETRY}${rest === '' ? '' : `, ${rest}`} }`,
  );
  return {
    id: 'again',
    name: `again: ${name}`,
    yaml: `id: again\ndescription: Is run again.\ndeadlineSeconds: 900\nretentionSeconds: 60\nsteps:\n${lines.join('\n')}\n`,
    sessionId: RERUN_ID,
    once: [],
    rerun: what,
    // Of the first session.
    moreInstances: steps.length,
    ...more,
  };
}

const ONCE = 'idempotent: false';

export const RERUNS: readonly SimScenario[] = [
  rerun(
    'a chain from its middle',
    [
      ['a', ''],
      ['b', 'a'],
      ['c', 'b'],
      ['d', ''],
    ],
    {
      from: 'b',
      again: ['b', 'c'],
    },
  ),
  rerun(
    'what failed, and what was skipped for it',
    [
      ['a', ''],
      ['b', 'a', 'blueprint: mends'],
      ['c', 'b'],
      ['d', 'a'],
    ],
    { from: 'b', again: ['b', 'c'] },
  ),
  rerun(
    'the items that failed',
    [
      ['a', ''],
      [
        'each',
        'a',
        'blueprint: mends',
        'forEach: { in: "[1, 2, 3, 4]", concurrency: 2, failureBudget: "100%" }',
      ],
      ['z', 'each'],
    ],
    { from: 'each', items: 'failed', again: ['each.1', 'each.3', 'z'] },
    { moreInstances: 3 + 8 },
  ),
  rerun(
    'two items by name, though they acted',
    [
      ['each', '', 'blueprint: work', `forEach: { in: "['p', 'q', 'r']" }, ${ONCE}`],
      ['z', 'each'],
    ],
    { from: 'each', items: ['p', '2'], repeatEffects: true, again: ['each.0', 'each.2', 'z'] },
    { moreInstances: 2 + 6, once: ['each.0', 'each.1', 'each.2'] },
  ),
  rerun(
    'a step that acted',
    [
      ['a', ''],
      ['act', 'a', 'blueprint: work', ONCE],
      ['z', 'act'],
    ],
    { from: 'act', repeatEffects: true, again: ['act', 'z'] },
    { once: ['act'] },
  ),
  rerun(
    'what comes after a step that acted',
    [
      ['a', ''],
      ['act', 'a', 'blueprint: work', ONCE],
      ['z', 'act'],
    ],
    { from: 'z', again: ['z'] },
    { once: ['act'] },
  ),
  rerun(
    'a step that asks the device agent',
    [
      ['a', ''],
      ['act', 'a', 'agent: pump', `${ONCE}, with: { speed: 900 }`],
      ['z', 'act'],
    ],
    { from: 'act', repeatEffects: true, again: ['act', 'z'] },
    { once: ['act'], asksDevice: true },
  ),
  rerun(
    'what was undone',
    [
      ['a', '', 'blueprint: work', `compensate: { use: { blueprint: work }, ${RETRY} }`],
      ['b', 'a', 'blueprint: mends', 'onFailure: compensate'],
    ],
    { from: 'b', again: ['a', 'b'] },
    { moreInstances: 3 },
  ),
  rerun(
    'a session within it',
    [
      ['a', ''],
      ['sub', 'a', 'workflow: sub-again'],
      ['z', 'sub'],
    ],
    { from: 'sub', again: ['z'] },
    {
      children: [
        `id: sub-again\ndescription: Within another.\ndeadlineSeconds: 900\nretentionSeconds: 60\nsteps:\n  - { id: x, use: { blueprint: work }, ${RETRY} }\n`,
      ],
      moreInstances: 3 + 2,
    },
  ),
];
