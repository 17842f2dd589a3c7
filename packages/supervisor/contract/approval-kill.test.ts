import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bundleProgram } from '@shoal/bundle';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { FleetBench } from './fleet-bench.ts';

const RETRY = 'retry: { maxAttempts: 6, backoffSeconds: 0.05 }';
const YAML = `id: flow
description: A person decides.
deadlineSeconds: 300
retentionSeconds: 300
variables: { workMs: { default: 3000 } }
steps:
  - { id: ask, use: { approval: { prompt: "Shall it?", approvers: [boss] } } }
  - { id: act, use: { blueprint: work }, needs: [ask], ${RETRY} }
`;

const children: ChildProcess[] = [];
const files: Record<string, string> = {};
let data: string;

beforeAll(async () => {
  for (const name of ['broker', 'supervisor', 'step', 'approver'])
    files[name] =
      name === 'broker' ? '' : await bundleProgram(new URL(`./${name}-process.ts`, import.meta.url));
}, 120_000);
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(async () => {
  for (const file of Object.values(files)) if (file !== '') await rm(dirname(file), { recursive: true });
});

/** The broker's store has a native part, which is not bundled: it runs from its source. */
function start(name: string, env: Record<string, string>): ChildProcess {
  const source = new URL('./broker-process.ts', import.meta.url).pathname;
  const args = name === 'broker' ? ['--conditions=@shoal/source', '--import', 'tsx', source] : [files[name]!];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  children.push(child);
  return child;
}

async function said(child: ChildProcess): Promise<string> {
  const [text] = (await once(child.stdout!, 'data')) as [Buffer];
  return text.toString().trim();
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

test(
  'an approval outlives supervisor, broker, approver and the step that acts on it, each killed: the word counts once',
  { timeout: 400_000 },
  async () => {
    data = await mkdtemp(join(tmpdir(), 'shoal-approval-'));
    let broker = start('broker', { SHOAL_TEST_DATA: data });
    const url = await said(broker);
    const fleet = await FleetBench.open(url);
    const supervise = async (): Promise<ChildProcess> => {
      const child = start('supervisor', {
        SHOAL_TEST_URL: url,
        SHOAL_TEST_UNIT: fleet.unit,
        SHOAL_TEST_YAML: YAML,
        SHOAL_TEST_STEP: files['step']!,
      });
      await said(child);
      return child;
    };
    const acts: { readonly word: string; readonly attempt: number; readonly pid: number }[] = [];
    const decisions: string[] = [];
    await fleet.link.subscribe(`test/${fleet.unit}/told`, (message) => {
      acts.push(JSON.parse(message.text()) as (typeof acts)[number]);
    });
    try {
      let supervisor = await supervise();
      const asked = await fleet.ask({}, undefined, 150_000);
      expect(asked.status.state).toBe('TASK_STATE_INPUT_REQUIRED');
      const view = () => fleet.view(asked.id);

      // Nobody is there any more, and the disk has it all.
      await kill(supervisor);
      await kill(broker);
      broker = start('broker', { SHOAL_TEST_DATA: data, SHOAL_TEST_PORT: new URL(url).port });
      await said(broker);
      await fleet.link.subscribe(`shoal/v1/o/${fleet.unit}/session/+/step/ask/decision`, (message) => {
        const text = message.text();
        if (decisions.at(-1) !== text) decisions.push(text);
      });
      supervisor = await supervise();

      const approver = start('approver', {
        SHOAL_TEST_URL: url,
        SHOAL_TEST_UNIT: fleet.unit,
        SHOAL_TEST_SESSION: asked.id,
      });
      await expect.poll(() => decisions.length, { timeout: 150_000 }).toBe(1);
      await kill(approver);
      // The step that acts on it is at work: it dies, and its supervisor with it.
      await expect.poll(() => acts.some(({ word }) => word === 'started'), { timeout: 150_000 }).toBe(true);
      process.kill(acts.find(({ word }) => word === 'started')!.pid, 'SIGKILL');
      await kill(supervisor);
      await supervise();

      await expect.poll(async () => (await view()).outcome?.state, { timeout: 150_000 }).toBe('completed');

      const task = await fleet.requester.getTask(fleet.address(), { id: asked.id });
      expect(task.status.state).toBe('TASK_STATE_COMPLETED');
      const { steps } = await view();
      expect(steps.get('ask')?.decision).toMatchObject({ action: 'approve', by: 'boss' });
      expect(steps.get('ask')?.result).toMatchObject({
        state: 'completed',
        output: { approved: true, by: 'boss' },
      });
      expect(decisions).toHaveLength(1);
      expect(acts.filter(({ word }) => word === 'acted')).toHaveLength(1);
    } finally {
      await fleet.close();
      for (const { pid } of acts)
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It is gone already.
        }
      for (const child of children.splice(0)) child.kill('SIGKILL');
      await rm(data, { recursive: true, force: true, maxRetries: 5 });
    }
  },
);
