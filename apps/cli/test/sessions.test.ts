import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Answer } from '../src/shapes/ask.ts';
import type { SessionDetail, SessionRerun, SessionsList, SessionWatch } from '../src/shapes/sessions.ts';
import type { WorkflowRun, WorkflowsChecked, WorkflowsList } from '../src/shapes/workflows.ts';
import { cli, cliError, cliJson } from './cli.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
  await world.startEcho();
  await world.startSupervisor();
});
afterAll(() => world.stop());

const until = { timeout: 30_000, interval: 50 };

describe('shoal ask', () => {
  it('shows the answer as it comes', async () => {
    const { code, stdout, stderr } = await cli(['ask', 'echo', 'good', 'morning'], world.options);
    expect(code).toBe(0);
    expect(stdout).toContain('you said: good morning');
    expect(stderr).toContain('--context');
  });

  it('answers with one document, and goes on in a context', async () => {
    const first = await cliJson<Answer>('ask', ['ask', 'acme/plant-1/echo', 'one'], world.options);
    expect(first.value).toMatchObject({ agent: 'acme/plant-1/echo', state: 'TASK_STATE_COMPLETED' });
    const contextId = first.value.contextId ?? '';
    const second = await cliJson<Answer>(
      'ask',
      ['ask', 'echo', 'two', '--context', contextId, '--no-stream'],
      world.options,
    );
    expect(second.value.contextId).toBe(contextId);
    expect(second.value.text).toContain('you said: two');
  });

  it('reads the text from standard input', async () => {
    const { stdout } = await cli(['ask', 'echo', '-'], { ...world.options, stdin: 'from a file\n' });
    expect(stdout).toContain('you said: from a file');
  });

  it.each([
    [['ask', 'nobody', 'hello'], 3],
    [['ask', 'echo'], 2],
    [['ask', 'echo', 'x', '--task', 'no-uuid'], 2],
    [['ask', 'echo', '--data', '{'], 2],
  ])('%j ends with %i', async (argv, code) => {
    expect((await cliError(argv, world.options)).code).toBe(code);
  });

  it('ends with 7 when the task failed', async () => {
    const { value, code } = await cliJson<Answer>('ask', ['ask', 'echo', 'fail'], world.options);
    expect(code).toBe(7);
    expect(value.state).toBe('TASK_STATE_FAILED');
  });

  it('ends with 130 on Ctrl-C, and keeps nobody waiting', async () => {
    const stop = new AbortController();
    const asked = cli(['ask', 'echo', 'slow'], { ...world.options, signal: stop.signal });
    setTimeout(() => stop.abort(), 300);
    expect((await asked).code).toBe(130);
  });
});

describe('shoal workflow', () => {
  let folder: string;
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'shoal-cli-'))));
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('checks files and shows where a fault is', async () => {
    const good = join(folder, 'good.yaml');
    const bad = join(folder, 'bad.yaml');
    await writeFile(good, 'id: good\ndescription: Fine.\nsteps:\n  - { id: a, use: { blueprint: b } }\n');
    await writeFile(
      bad,
      'id: bad\ndescription: A.\nsteps:\n  - { id: a, use: { blueprint: b }, needs: [nowhere] }\n',
    );
    const checked = await cliJson<WorkflowsChecked>('workflow.validate', ['workflow', 'validate', good, bad]);
    expect(checked.code).toBe(1);
    expect(checked.value.files.map(({ valid }) => valid)).toEqual([true, false]);
    expect((await cli(['workflow', 'validate', bad])).stdout).toContain('bad.yaml:4:');
    const planned = await cliJson<{ graph: string }>('workflow.plan', [
      'workflow',
      'plan',
      good,
      '--mermaid',
    ]);
    expect(planned.value.graph).toContain('flowchart');
    expect((await cliError(['workflow', 'validate', join(folder, 'gone.yaml')])).code).toBe(2);
  });

  it('lists what supervisors answer for', async () => {
    const { value } = await cliJson<WorkflowsList>('workflow.list', ['workflow', 'list'], world.options);
    expect(value.workflows.map(({ workflowId }) => workflowId).toSorted()).toEqual([
      'broken',
      'release',
      'report',
    ]);
  });

  it('runs one to its end', async () => {
    const { value, code } = await cliJson<WorkflowRun>(
      'workflow.run',
      ['workflow', 'run', 'report', '--var', 'n=3'],
      world.options,
    );
    expect(code).toBe(0);
    expect(value).toMatchObject({ workflowId: 'report', state: 'TASK_STATE_COMPLETED', error: null });
  });

  it('ends with 7 and the reason when the run failed', async () => {
    const { value, code } = await cliJson<WorkflowRun>(
      'workflow.run',
      ['workflow', 'run', 'broken'],
      world.options,
    );
    expect(code).toBe(7);
    expect(value.error).toContain('BROKEN');
  });

  it.each([
    [['workflow', 'run', 'report', '--input', '[1]'], '--input takes a JSON object'],
    [['workflow', 'run', 'report', '--var', 'x'], '--var takes name=value'],
    [['workflow', 'run', 'report', '--session-id', 'x'], '--session-id takes a UUID'],
  ])('refuses %j', async (argv, message) => {
    const { code, error } = await cliError(argv, world.options);
    expect(code).toBe(2);
    expect(error.message).toContain(message);
  });
});

describe('shoal session', () => {
  const show = async (id: string) =>
    (await cliJson<SessionDetail>('session.show', ['session', 'show', id], world.options)).value;
  const run = async (workflow: string): Promise<string> => {
    const sessionId = randomUUID();
    const { code } = await cli(
      ['workflow', 'run', workflow, '--no-wait', '--session-id', sessionId],
      world.options,
    );
    expect(code).toBe(0);
    return sessionId;
  };

  it('waits for a person, is approved and watched to its end', async () => {
    const id = await run('release');
    await vi.waitFor(async () => expect((await show(id)).session.state).toBe('input-required'), until);
    const detail = await show(id);
    expect(detail.approvals).toMatchObject([{ stepId: 'sign', prompt: 'Release the pump?' }]);
    expect(detail.steps.find(({ stepId }) => stepId === 'act')).toMatchObject({ waitsFor: ['sign'] });
    const approved = await cliJson(
      'session.change',
      ['session', 'approve', id.slice(0, 8), '--reason', 'fine'],
      world.options,
    );
    expect(approved.value).toMatchObject({ sessionId: id, action: 'approve', by: 'tester' });
    const { value, code } = await cliJson<SessionWatch>(
      'session.watch',
      ['session', 'watch', id],
      world.options,
    );
    expect(code).toBe(0);
    expect(value.session).toMatchObject({ state: 'completed', closed: true });
    expect(value.events.map(({ kind }) => kind)).toContain('outcome');
    expect((await cli(['session', 'show', id], world.options)).stdout).toMatch(/act +completed/);
  });

  it('is denied, and a watch of it ends with 7', async () => {
    const id = await run('release');
    await vi.waitFor(async () => expect((await show(id)).session.state).toBe('input-required'), until);
    const deny = ['session', 'deny', id, '--by', 'n.okafor'];
    expect((await cli(deny, world.options)).stdout).toMatch(/cannot be taken back/);
    const { value, code } = await cliJson<SessionWatch>(
      'session.watch',
      ['session', 'watch', id],
      world.options,
    );
    expect(code).toBe(7);
    expect(value.session?.state).toBe('failed');
  });

  it('is paused, resumed and canceled', async () => {
    const id = await run('release');
    await vi.waitFor(async () => expect((await show(id)).session.state).toBe('input-required'), until);
    const extend = ['session', 'extend', id, '--for', '5400'];
    const extended = await cliJson('session.change', extend, world.options);
    await cliJson('session.change', [...extend, '--step', 'sign', '--for', '5000'], world.options);
    const longer = await show(id);
    expect(Date.parse(longer.approvals[0]!.expiresAt)).toBeGreaterThan(Date.now() + 4_000_000);
    expect(Date.parse(longer.session.deadlineAt)).toBeGreaterThan(Date.now() + 5_000_000);
    expect(extended.value).toMatchObject({ sessionId: id, action: 'extend' });
    expect((await cliError(['session', 'extend', id, '--for', '-5'], world.options)).code).toBe(2);
    await cliJson('session.change', ['session', 'pause', id], world.options);
    await cliJson('session.change', ['session', 'resume', id], world.options);
    await cliJson('session.change', ['session', 'cancel', id, '--reason', 'wrong pump'], world.options);
    await vi.waitFor(
      async () => expect((await show(id)).session).toMatchObject({ state: 'canceled', closed: true }),
      until,
    );
    expect((await cliError(['session', 'cancel', id], world.options)).code).toBe(8);
    expect((await cliError(['session', 'approve', id], world.options)).code).toBe(8);
  });

  it('runs again from a step, and is purged', async () => {
    const id = await run('report');
    await vi.waitFor(async () => expect((await show(id)).session.closed).toBe(true), until);
    const again = await cliJson<SessionRerun>(
      'session.rerun',
      ['session', 'rerun', id, 'write'],
      world.options,
    );
    expect(again.value).toMatchObject({ of: id, from: 'write' });
    await vi.waitFor(
      async () => expect((await show(again.value.sessionId)).session.closed).toBe(true),
      until,
    );
    expect((await show(again.value.sessionId)).rerunOf).toBe(id);
    await cliJson('session.change', ['session', 'purge', id], world.options);
    await vi.waitFor(
      async () => expect((await cliError(['session', 'show', id], world.options)).code).toBe(3),
      until,
    );
  });

  it('is listed, filtered by state and workflow', async () => {
    const id = await run('report');
    await vi.waitFor(async () => expect((await show(id)).session.closed).toBe(true), until);
    const argv = ['session', 'list', '--state', 'completed', '--workflow', 'report'];
    const { value } = await cliJson<SessionsList>('session.list', argv, world.options);
    expect(value.sessions.map(({ sessionId }) => sessionId)).toContain(id);
    expect((await cli(argv, world.options)).stdout).toContain(id);
    const open = await cliJson<SessionsList>('session.list', ['session', 'list', '--open'], world.options);
    expect(open.value.sessions.map(({ sessionId }) => sessionId)).not.toContain(id);
  });

  it.each([
    [['session', 'show', randomUUID()], 3],
    [['session', 'show', 'x'], 2],
    [['session', 'pause', randomUUID()], 3],
    [['session', 'cancel', 'abcd', '--by', 'a b'], 2],
  ])('%j ends with %i', async (argv, code) => {
    expect((await cliError(argv, world.options)).code).toBe(code);
  });
});
