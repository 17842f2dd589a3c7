/** A workflow and what an undisturbed run of it ends as, whatever is killed on the way. */
export interface Scenario {
  /** Of the workflow. */
  readonly id: string;
  readonly name: string;
  readonly yaml: string;
  /** Steps that must not act twice; they may end as `unknown` instead. */
  readonly once: readonly string[];
  /** Steps that ask the device's agent; `wanted`: one that the supervisors keep alive. */
  readonly asksDevice?: true | 'wanted';
  /** The caller cancels after so long. */
  readonly cancelAfterMs?: number;
  /** What is found or comes first decides: several ends are right, but only one of them. */
  readonly manyEnds?: true;
  /** The caller says yes when it is asked. */
  readonly approves?: true;
  /** Workflows that steps of this one run. */
  readonly children?: readonly string[];
  /** Instances besides those of the steps: items, compensations, steps of child sessions. */
  readonly moreInstances?: number;
}

/** The device agent that supervisors keep alive where a scenario says so: its id, and that of its blueprint. */
export const WANTED_AGENT = 'wanted-pump';

export const RETRY = 'retry: { maxAttempts: 14, backoffSeconds: 0.05, maxBackoffSeconds: 1 }';

function step(id: string, needs: readonly string[] = [], more = '', use = 'blueprint: work'): string {
  const extra = more === '' ? '' : `, ${more}`;
  return `  - { id: ${id}, use: { ${use} }, needs: [${needs.join(', ')}], ${RETRY}${extra} }`;
}

function workflow(id: string, ...steps: readonly string[]): string {
  return `id: ${id}\ndescription: For tests of recovery.\ndeadlineSeconds: 900\nretentionSeconds: 60\nsteps:\n${steps.join('\n')}\n`;
}

export const SCENARIOS: readonly Scenario[] = [
  { id: 'one', name: 'one step', yaml: workflow('one', step('a')), once: [] },
  {
    id: 'chain',
    name: 'chain',
    yaml: workflow('chain', step('a'), step('b', ['a']), step('c', ['b'])),
    once: [],
  },
  {
    id: 'diamond',
    name: 'diamond',
    yaml: workflow('diamond', step('a'), step('b', ['a']), step('c', ['a']), step('d', ['b', 'c'])),
    once: [],
  },
  {
    id: 'two-ends',
    name: 'two ends',
    yaml: workflow('two-ends', step('a'), step('b', ['a']), step('c', ['a'])),
    once: [],
  },
  {
    id: 'acts-once',
    name: 'acts once',
    yaml: workflow('acts-once', step('a'), step('act', ['a'], 'idempotent: false'), step('z', ['act'])),
    once: ['act'],
  },
  {
    id: 'asks-device',
    name: 'asks the device agent',
    yaml: workflow(
      'asks-device',
      step('a'),
      step('act', ['a'], 'idempotent: false, with: { speed: 900 }', 'agent: pump'),
      step('z', ['act'], 'join: all'),
    ),
    once: ['act'],
    asksDevice: true,
  },
  {
    id: 'any-of-two',
    name: 'any of two, one fails',
    yaml: workflow(
      'any-of-two',
      step('good'),
      step('bad', [], 'onFailure: continue', 'blueprint: fails'),
      step('z', ['good', 'bad'], 'join: any', 'blueprint: plain'),
    ),
    once: [],
  },
  {
    id: 'failure-skips',
    name: 'a failure skips what needs it',
    yaml: workflow(
      'failure-skips',
      step('a'),
      step('bad', ['a'], '', 'blueprint: fails'),
      step('b', ['bad']),
      step('c', ['a']),
    ),
    once: [],
  },
  {
    id: 'condition',
    name: 'a condition is false',
    yaml: workflow(
      'condition',
      step('a'),
      step('b', ['a'], `when: "steps.a.output == 'x'", onFailure: skip`),
      step('c', ['a'], `when: "steps.a.output == 'a'"`),
    ),
    once: [],
  },
  {
    id: 'flaky',
    name: 'fails twice, then works',
    yaml: workflow('flaky', step('a', [], '', 'blueprint: flaky'), step('b', ['a'])),
    once: [],
  },
  {
    id: 'canceled',
    name: 'is canceled',
    yaml: workflow('canceled', step('a'), step('b', ['a']), step('c', ['b'])),
    once: [],
    cancelAfterMs: 60,
    manyEnds: true,
  },
  {
    id: 'each-of-list',
    name: 'each of a list, two at a time',
    yaml: workflow(
      'each-of-list',
      step('a'),
      step('each', ['a'], 'forEach: { in: "[1, 2, 3, 4]", concurrency: 2 }'),
    ),
    once: [],
    moreInstances: 4,
  },
  {
    id: 'waves',
    name: 'waves over a list, then one more step',
    yaml: workflow(
      'waves',
      step('each', [], 'forEach: { in: "[1, 2, 3]", waves: [1, 2], wavePauseSeconds: 0.1, collect: states }'),
      step('z', ['each'], '', 'blueprint: plain'),
    ),
    once: [],
    moreInstances: 3,
  },
  {
    id: 'each-of-fleet',
    name: 'each device that can turn',
    yaml: workflow(
      'each-of-fleet',
      step(
        'each',
        [],
        'forEach: { select: { skill: turn }, failureBudget: "100%" }',
        'agent: "${ item.agentId }"',
      ),
      step('z', ['each'], '', 'blueprint: plain'),
    ),
    once: [],
    asksDevice: true,
    manyEnds: true,
    moreInstances: 1,
  },
  {
    id: 'approval',
    name: 'a person is asked',
    yaml: workflow(
      'approval',
      step('a'),
      step('ask', ['a'], '', 'approval: { prompt: "Shall it?" }'),
      step('z', ['ask'], '', 'blueprint: plain'),
    ),
    once: [],
    approves: true,
  },
  {
    id: 'undone',
    name: 'a failure undoes what was done',
    yaml: workflow(
      'undone',
      step('a', [], `compensate: { use: { blueprint: work }, ${RETRY} }`),
      step('b', ['a'], `compensate: { use: { blueprint: work }, ${RETRY} }`),
      step('bad', ['b'], 'onFailure: compensate', 'blueprint: fails'),
    ),
    once: [],
    moreInstances: 2,
  },
  {
    id: 'child',
    name: 'a step is a session of its own',
    yaml: workflow('child', step('a'), step('sub', ['a'], '', 'workflow: sub'), step('z', ['sub'])),
    children: [workflow('sub', step('x'), step('y', ['x']))],
    once: [],
    moreInstances: 2,
  },
  {
    id: 'asks-wanted',
    name: 'asks an agent that supervisors keep alive',
    yaml: workflow(
      'asks-wanted',
      step('a'),
      step('act', ['a'], 'idempotent: false, with: { speed: 900 }', `agent: ${WANTED_AGENT}`),
      step('z', ['act']),
    ),
    once: ['act'],
    asksDevice: 'wanted',
  },
];

/** What supervisors of all scenarios have to know. */
export function workflowsOf(scenarios: readonly Scenario[]): readonly string[] {
  return scenarios.flatMap(({ yaml, children = [] }) => [yaml, ...children]);
}
