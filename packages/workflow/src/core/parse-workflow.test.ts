import { expect, test } from 'vitest';
import type { Finding } from '../errors.ts';
import { parseWorkflow, tryParse } from './parse-workflow.ts';

const GOOD = `
id: repair
description: Repairs a pump.
variables:
  device: { type: string }
  limit: { type: number, default: 2 }
steps:
  - id: diagnose
    use: { blueprint: diagnose }
    with: { device: "\${ variables.device }" }
  - id: order
    use: { blueprint: order }
    needs: [diagnose]
    when: steps.diagnose.output.severity > variables.limit
`;

function findings(text: string, blueprints?: string[]): readonly Finding[] {
  return tryParse(text, blueprints === undefined ? {} : { blueprints }).findings;
}

test('a sound file becomes a definition', () => {
  expect(parseWorkflow(GOOD).steps.map((step) => step.id)).toEqual(['diagnose', 'order']);
});

test('JSON is taken too', () => {
  expect(parseWorkflow(JSON.stringify(parseWorkflow(GOOD))).id).toBe('repair');
});

test('an error names file, line, column and field', () => {
  const text = GOOD.replace('blueprint: order', 'blueprnt: order');
  const parse = () => parseWorkflow(text, { file: 'repair.yaml' });
  expect(parse).toThrow(/^repair\.yaml:12:12 {2}steps\[1\]\.use\.blueprnt: /);
  expect(parse).toThrow(expect.objectContaining({ code: 'invalid-workflow' }));
});

test.each([
  ['an unknown field of the workflow', `${GOOD}\nfoo: 1\n`, 'foo'],
  ['an unknown field of a step', GOOD.replace('needs: [diagnose]', 'need: [diagnose]'), 'steps[1].need'],
  ['a step without use', 'id: a\ndescription: b\nsteps: [{ id: x }]', 'steps[0].use'],
  ['a bad identifier', GOOD.replace('id: repair', 'id: re/pair'), 'id'],
  ['a duplicate step id', GOOD.replace('id: order', 'id: diagnose'), 'steps[1].id'],
  ['an unknown need', GOOD.replace('[diagnose]', '[diagnos]'), 'steps[1].needs[0]'],
  ['a need twice', GOOD.replace('[diagnose]', '[diagnose, diagnose]'), 'steps[1].needs[1]'],
  ['an undeclared variable', GOOD.replace('variables.limit', 'variables.limt'), 'steps[1].when'],
  ['a step that is read but not needed', GOOD.replace('    needs: [diagnose]\n', ''), 'steps[1].when'],
  ['a broken expression', GOOD.replace('> variables.limit', '>'), 'steps[1].when'],
  [
    'an expression that does not close',
    GOOD.replace('variables.device }"', 'variables.device "'),
    'steps[0].with.device',
  ],
  ['a default of the wrong type', GOOD.replace('default: 2', 'default: two'), 'variables.limit.default'],
  [
    'a timeout of zero',
    GOOD.replace('needs: [diagnose]', 'needs: [diagnose]\n    timeoutSeconds: 0'),
    'steps[1].timeoutSeconds',
  ],
  [
    'a quorum that cannot be met',
    GOOD.replace('needs: [diagnose]', 'needs: [diagnose]\n    join: { atLeast: 2 }'),
    'steps[1].join.atLeast',
  ],
])('%s is found at its place', (_, text, path) => {
  const found = findings(text);
  expect(found.map((finding) => finding.path)).toContain(path);
  expect(found.every(({ line, column }) => line >= 1 && column >= 1)).toBe(true);
});

test('a cycle is found and spelled out', () => {
  const text =
    'id: a\ndescription: b\nsteps:\n  - { id: x, use: { blueprint: w }, needs: [y] }\n  - { id: y, use: { blueprint: w }, needs: [x] }\n';
  const [finding] = findings(text);
  expect(finding).toMatchObject({ line: 4, path: 'steps[0].needs' });
  expect(finding?.message).toContain('x needs y needs x');
});

test('an unknown blueprint is found when the blueprints are known', () => {
  expect(findings(GOOD)).toEqual([]);
  expect(findings(GOOD, ['diagnose']).map((finding) => finding.path)).toEqual(['steps[1].use.blueprint']);
});

test.each([
  '',
  'null',
  '[]',
  '1',
  '"x"',
  '{',
  'a: [',
  'a: &a [*a, *a]',
  'id: x\nid: x',
  '\u0000',
  '- : -\n ?',
])('text that is no workflow (%j) gives findings, never another error', (text) => {
  expect(findings(text).length).toBeGreaterThan(0);
});

test('a file that is too large is refused unread', () => {
  expect(findings(`# ${'x'.repeat(300_000)}`)[0]?.message).toContain('262144 bytes');
});
