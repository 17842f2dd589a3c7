/** A workflow and what an undisturbed run of it ends as, whatever is killed on the way. */
export interface Scenario {
  /** Of the workflow. */
  readonly id: string;
  readonly name: string;
  readonly yaml: string;
  /** Steps that must not act twice; they may end as `unknown` instead. */
  readonly once: readonly string[];
  /** Steps that ask the device's agent. */
  readonly asksDevice?: boolean;
  /** The caller cancels after so long: then both ends are right, but only one of them. */
  readonly cancelAfterMs?: number;
}

const RETRY = 'retry: { maxAttempts: 14, backoffSeconds: 0.05, maxBackoffSeconds: 1 }';

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
  },
];
