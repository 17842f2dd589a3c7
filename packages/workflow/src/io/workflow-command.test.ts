import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { workflowCommand } from './workflow-command.ts';

let folder: string;
let [good, bad] = ['', ''];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-workflow-'));
  [good, bad] = [join(folder, 'good.yaml'), join(folder, 'bad.yaml')];
  await writeFile(good, 'id: flow\ndescription: x\nsteps:\n  - { id: a, use: { blueprint: work } }\n');
  await writeFile(
    bad,
    'id: flow\ndescription: x\nsteps:\n  - id: a\n    use: { blueprint: work }\n    needs: [b]\n    when: variables.x\n',
  );
});
afterAll(() => rm(folder, { recursive: true }));

test('validate names file, line and column of everything that is wrong', async () => {
  expect(await workflowCommand(['validate', good])).toMatchObject({
    exitCode: 0,
    stdout: `${good}: flow, 1 steps\n`,
  });
  const { exitCode, stderr } = await workflowCommand(['validate', good, bad]);
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`${bad}:6:13  steps[0].needs[0]: needs "b", which is no step`);
  expect(stderr).toContain(`${bad}:7:5  steps[0].when: variable "x" is not declared`);
});

test('validate --json says the same to programs', async () => {
  const { stdout, exitCode } = await workflowCommand(['validate', '--json', good, bad]);
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    valid: false,
    files: [
      { valid: true, id: 'flow', steps: 1 },
      { valid: false, findings: [{ line: 6, column: 13, path: 'steps[0].needs[0]' }, { line: 7 }] },
    ],
  });
});

test('plan prints the graph, or what is wrong', async () => {
  expect((await workflowCommand(['plan', good])).stdout).toContain('0  a: blueprint work [closes]');
  expect((await workflowCommand(['plan', '--mermaid', good])).stdout).toContain('flowchart TD');
  expect(JSON.parse((await workflowCommand(['plan', '--json', good])).stdout)).toMatchObject({ id: 'flow' });
  expect((await workflowCommand(['plan', bad])).exitCode).toBe(1);
});

test.each([[[]], [['nope', 'x']], [['validate']], [['plan', 'a', 'b']], [['validate', '--nope', 'x']]])(
  '%j is answered with how it is used',
  async (args) => {
    expect(await workflowCommand(args)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('usage:'),
    });
  },
);

test('a file that is not there is named', async () => {
  expect(await workflowCommand(['validate', join(folder, 'none.yaml')])).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('none.yaml'),
  });
});

test('the program ends with the code of the command', async () => {
  const main = fileURLToPath(new URL('../bin/main.ts', import.meta.url));
  const code = await new Promise((resolve) =>
    execFile(
      process.execPath,
      ['--conditions=@shoal/source', '--import', 'tsx', main, 'validate', bad],
      (error) => resolve(error?.code),
    ),
  );
  expect(code).toBe(1);
});
