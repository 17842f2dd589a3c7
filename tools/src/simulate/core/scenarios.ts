/** A workflow and what an undisturbed run of it ends as, whatever is killed on the way. */
export interface Scenario {
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

function workflow(...steps: readonly string[]): string {
  return `id: flow\ndescription: Simulated.\ndeadlineSeconds: 900\nretentionSeconds: 60\nsteps:\n${steps.join('\n')}\n`;
}

export const SCENARIOS: readonly Scenario[] = [
  { name: 'one step', yaml: workflow(step('a')), once: [] },
  { name: 'chain', yaml: workflow(step('a'), step('b', ['a']), step('c', ['b'])), once: [] },
  {
    name: 'diamond',
    yaml: workflow(step('a'), step('b', ['a']), step('c', ['a']), step('d', ['b', 'c'])),
    once: [],
  },
  { name: 'two ends', yaml: workflow(step('a'), step('b', ['a']), step('c', ['a'])), once: [] },
  {
    name: 'acts once',
    yaml: workflow(step('a'), step('act', ['a'], 'idempotent: false'), step('z', ['act'])),
    once: ['act'],
  },
  {
    name: 'asks the device agent',
    yaml: workflow(
      step('a'),
      step('act', ['a'], 'idempotent: false, with: { speed: 900 }', 'agent: pump'),
      step('z', ['act'], 'join: all'),
    ),
    once: ['act'],
    asksDevice: true,
  },
  {
    name: 'any of two, one fails',
    yaml: workflow(
      step('good'),
      step('bad', [], 'onFailure: continue', 'blueprint: fails'),
      step('z', ['good', 'bad'], 'join: any', 'blueprint: plain'),
    ),
    once: [],
  },
  {
    name: 'a failure skips what needs it',
    yaml: workflow(
      step('a'),
      step('bad', ['a'], '', 'blueprint: fails'),
      step('b', ['bad']),
      step('c', ['a']),
    ),
    once: [],
  },
  {
    name: 'a condition is false',
    yaml: workflow(
      step('a'),
      step('b', ['a'], `when: "steps.a.output == 'x'", onFailure: skip`),
      step('c', ['a'], `when: "steps.a.output == 'a'"`),
    ),
    once: [],
  },
  {
    name: 'fails twice, then works',
    yaml: workflow(step('a', [], '', 'blueprint: flaky'), step('b', ['a'])),
    once: [],
  },
  {
    name: 'is canceled',
    yaml: workflow(step('a'), step('b', ['a']), step('c', ['b'])),
    once: [],
    cancelAfterMs: 60,
  },
];
