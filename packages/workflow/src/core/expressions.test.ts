import { expect, test } from 'vitest';
import {
  evaluate,
  evaluateCondition,
  interpolate,
  referencesOf,
  sourcesIn,
  stringsIn,
  type Scope,
} from './expressions.ts';

const scope: Scope = {
  variables: { device: 'pump-01', n: 2, list: [1, 2, 3], deep: { 'odd key': true } },
  steps: { a: { state: 'completed', output: { x: [{ y: 'q' }], ratio: 0.5 }, error: null, summary: '' } },
  request: { text: 'hello', data: null },
  session: { id: 's', workflowId: 'w', createdAt: 'now' },
};

test.each([
  ['variables.n + 1', 3],
  ['2 * variables.n - 0.5', 3.5],
  ['steps.a.output.x[0].y', 'q'],
  ['steps["a"].output.ratio < 1.0', true],
  ['steps.a.output.ratio < 1', true],
  ['variables.list.filter(x, x > 1)', [2, 3]],
  ['{"device": variables.device, "list": [1, "two", null]}', { device: 'pump-01', list: [1, 'two', null] }],
  ['has(variables.missing) ? 1 : 2', 2],
  ['json(variables.deep)', '{"odd key":true}'],
  ['request.text + "!"', 'hello!'],
])('%s is %j', (source, value) => {
  expect(evaluate(source, scope)).toEqual(value);
});

test.each([
  'variables.missing',
  'nope',
  'variables.',
  '1 +',
  'process.exit()',
  'variables.constructor',
  'steps.b.output',
])('%s is an error that shows the expression', (source) => {
  expect(() => evaluate(source, scope)).toThrow(source);
});

test('a condition that is no boolean is an error', () => {
  expect(() => evaluateCondition('variables.n', scope)).toThrow('must be true or false');
});

test('interpolation keeps the type of a lone expression and writes text inside longer strings', () => {
  expect(
    interpolate(
      {
        n: '${variables.n}',
        text: 'check ${ variables.device }: ${ variables.list }',
        plain: 1,
        nested: [{ a: '${ "}" }' }],
      },
      scope,
    ),
  ).toEqual({ n: 2, text: 'check pump-01: [1,2,3]', plain: 1, nested: [{ a: '}' }] });
});

test('$${ is a literal', () => {
  expect(interpolate('costs $${ 5 }', scope)).toBe('costs ${ 5 }');
});

test('text from a result is data: it is never read as an expression again', () => {
  const hostile: Scope = { ...scope, variables: { device: '${ session.id }' } };
  expect(interpolate('x ${ variables.device }', hostile)).toBe('x ${ session.id }');
});

test('references are found without running', () => {
  const { variables, steps } = referencesOf(
    'variables.list.exists(x, x == variables["n"]) && steps.a.state == "completed"',
  );
  expect([...variables].sort()).toEqual(['list', 'n']);
  expect([...steps]).toEqual(['a']);
});

test('expressions are found with their paths', () => {
  const strings = stringsIn({ a: ['${ 1 }'], b: { c: 'x ${ 2 }' } }, 'with');
  expect(strings.map(({ path, text }) => [path, ...sourcesIn(text)])).toEqual([
    ['with.a[0]', ' 1 '],
    ['with.b.c', ' 2 '],
  ]);
});

test('an expression that is too large is refused', () => {
  expect(() => evaluate(Array.from({ length: 3000 }, () => '1').join('+'), scope)).toThrow('1+1');
});
