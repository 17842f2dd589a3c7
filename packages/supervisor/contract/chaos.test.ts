import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { bundleProgram } from '@shoal/bundle';
import type { Task } from '@shoal/protocol';
import { graphYaml } from '@shoal/workflow/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { childProcessSpawner, type ChildProcessSpawner } from '../src/index.ts';
import { BROKERS, FleetBench, type TestBroker } from './fleet-bench.ts';
import { QUICK } from './quick-policy.ts';

interface Told {
  readonly word: 'started' | 'acted';
  readonly sessionId: string;
  readonly stepId: string;
  readonly attempt: number;
  readonly pid: number;
}

const retry = 'retry: { maxAttempts: 6, backoffSeconds: 0.05 }';
const head = 'deadlineSeconds: 60\nretentionSeconds: 60\nvariables: { workMs: { default: 50 } }';
const chain = graphYaml({ a: [], b: ['a'], c: ['b'] }, { a: retry, b: retry, c: retry }, head);
const diamond = graphYaml(
  { a: [], b: ['a'], c: ['a'], d: ['b', 'c'] },
  { a: retry, b: retry, c: retry, d: retry },
  head,
);

/** Real processes, killed with SIGKILL. One broker is enough: what differs between brokers is in the other suite. */
describe('processes that die', { timeout: 40_000 }, () => {
  let broker: TestBroker;
  let fleet: FleetBench;
  let told: Told[] = [];
  let writes: string[] = [];
  const listeners = new Set<() => void>();
  const processes: ChildProcess[] = [];
  const spawners: ChildProcessSpawner[] = [];

  let stepProgram: string;
  let supervisorProgram: string;

  beforeAll(async () => {
    broker = await (BROKERS[0] as (typeof BROKERS)[number])[1]();
    stepProgram = await bundleProgram(new URL('./step-process.ts', import.meta.url));
    supervisorProgram = await bundleProgram(new URL('./supervisor-process.ts', import.meta.url));
  });
  afterEach(async () => {
    for (const spawner of spawners.splice(0)) spawner.signal('SIGKILL');
    for (const child of processes.splice(0)) child.kill('SIGKILL');
    for (const { pid } of told) tryKill(pid, 'SIGKILL');
    await fleet.close();
  });
  afterAll(async () => {
    await Promise.all([stepProgram, supervisorProgram].map((file) => rm(dirname(file), { recursive: true })));
    await broker.stop();
  });

  async function open(): Promise<void> {
    fleet = await FleetBench.open(broker.url);
    told = [];
    writes = [];
    await fleet.link.subscribe(`test/${fleet.unit}/told`, (message) => {
      told.push(JSON.parse(message.text()) as Told);
      for (const check of listeners) check();
    });
    await fleet.link.subscribe(`shoal/v1/o/${fleet.unit}/session/#`, ({ topic, payload }) => {
      if (payload.length > 0) writes.push(topic.split('/').slice(5).join('/').replace('step/', ''));
      for (const check of listeners) check();
    });
  }

  function until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => {
      const check = (): void => {
        if (!holds()) return;
        listeners.delete(check);
        resolve();
      };
      listeners.add(check);
    });
  }

  const toldOf = (word: Told['word'], stepId: string, attempt = 1) =>
    told.find((one) => one.word === word && one.stepId === stepId && one.attempt === attempt);

  async function started(stepId: string, attempt = 1): Promise<number> {
    await until(() => toldOf('started', stepId, attempt) !== undefined);
    return toldOf('started', stepId, attempt)?.pid ?? 0;
  }

  function tryKill(pid: number, signal: NodeJS.Signals): void {
    try {
      process.kill(pid, signal);
    } catch {
      // It is gone already.
    }
  }

  async function superviseHere(yaml: string): Promise<void> {
    const spawner = childProcessSpawner({ url: broker.url, command: process.execPath, args: [stepProgram] });
    spawners.push(spawner);
    await fleet.supervise(yaml, [], { spawner, policy: { ...QUICK, startGraceMs: 5_000 } });
  }

  async function superviseApart(yaml: string): Promise<ChildProcess> {
    const child = spawn(process.execPath, [supervisorProgram], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        SHOAL_TEST_URL: broker.url,
        SHOAL_TEST_UNIT: fleet.unit,
        SHOAL_TEST_YAML: yaml,
        SHOAL_TEST_STEP: stepProgram,
      },
    });
    processes.push(child);
    await once(child.stdout, 'data');
    return child;
  }

  /** Each result written once, the outcome as if nothing had happened. */
  function undisturbed(task: Task, output: string, steps: readonly string[]): boolean {
    expect(task.status.state).toBe('TASK_STATE_COMPLETED');
    expect(task.artifacts?.at(-1)?.parts).toEqual([{ data: output }]);
    const results = writes.filter((write) => write.startsWith(task.id) && write.endsWith('/result'));
    expect(results.sort()).toEqual(steps.map((step) => `${task.id}/${step}/result`));
    expect(writes.filter((write) => write === `${task.id}/outcome`)).toHaveLength(1);
    return true;
  }

  test('an instance is killed in the middle of each step', async () => {
    await open();
    await superviseHere(chain);
    const answer = fleet.ask({ workMs: 200 });
    for (const step of ['a', 'b', 'c']) tryKill(await started(step), 'SIGKILL');
    const task = await answer;
    expect(undisturbed(task, 'c<b<a', ['a', 'b', 'c'])).toBe(true);
    const view = await fleet.view(task.id);
    expect([...view.steps.values()].map(({ result }) => result?.attempt)).toEqual([2, 2, 2]);
  });

  test('S18: the supervisor is killed and nobody replaces it: the instances finish the session by themselves', async () => {
    await open();
    const supervisor = await superviseApart(chain);
    const answer = fleet.ask({ workMs: 300 });
    await started('a');
    await until(() =>
      ['a', 'b', 'c'].every((step) => writes.some((write) => write.endsWith(`/${step}/status`))),
    );
    supervisor.kill('SIGKILL');
    expect(undisturbed(await answer, 'c<b<a', ['a', 'b', 'c'])).toBe(true);
  });

  test('supervisor and instance are killed together; another supervisor repairs the session', async () => {
    await open();
    const supervisor = await superviseApart(diamond);
    const answer = fleet.ask({ workMs: 300 });
    const pid = await started('a');
    supervisor.kill('SIGKILL');
    tryKill(pid, 'SIGKILL');
    await superviseApart(diamond);
    expect(undisturbed(await answer, 'd<b<a<c<a', ['a', 'b', 'c', 'd'])).toBe(true);
  });

  test('everything is killed, several times over, while several sessions run', async () => {
    await open();
    let supervisor = await superviseApart(diamond);
    const ids = Array.from({ length: 3 }, () => randomUUID());
    const answers = ids.map((id) => fleet.ask({ workMs: 250 }, id));
    for (const [round, step] of ['a', 'b', 'd'].entries()) {
      await Promise.all(
        ids.map((id) =>
          until(() =>
            told.some((one) => one.word === 'started' && one.sessionId === id && one.stepId === step),
          ),
        ),
      );
      for (const one of told.filter(({ stepId, word }) => word === 'started' && stepId === step))
        tryKill(one.pid, 'SIGKILL');
      if (round === 2) break;
      supervisor.kill('SIGKILL');
      supervisor = await superviseApart(diamond);
    }
    for (const task of await Promise.all(answers))
      expect(undisturbed(task, 'd<b<a<c<a', ['a', 'b', 'c', 'd'])).toBe(true);
  });

  test('a process that was stopped and wakes after its successor has finished changes nothing', async () => {
    await open();
    await superviseHere(graphYaml({ a: [] }, { a: retry }, head));
    const answer = fleet.ask({ workMs: 500 });
    const zombie = await started('a');
    tryKill(zombie, 'SIGSTOP');
    const task = await answer;
    expect(undisturbed(task, 'a', ['a'])).toBe(true);
    expect((await fleet.view(task.id)).steps.get('a')?.result?.attempt).toBe(2);
    const before = writes.length;
    const spawner = spawners[0];
    const gone = until(() => spawner?.pids.includes(zombie) === false);
    tryKill(zombie, 'SIGCONT');
    const poll = setInterval(() => {
      for (const check of listeners) check();
    }, 20);
    await gone;
    clearInterval(poll);
    expect(writes.slice(before).filter((write) => !write.endsWith('/status'))).toEqual([]);
    expect(toldOf('acted', 'a', 1)).toBeUndefined();
  });

  test('items of a fan-out are killed at work, with the supervisor: each has one result, and none is done twice over', async () => {
    await open();
    const yaml = graphYaml(
      { each: [], end: ['each'] },
      { each: `${retry}, forEach: { in: "[0, 1, 2, 3]", concurrency: 2 }`, end: retry },
      head,
    );
    let supervisor = await superviseApart(yaml);
    const answer = fleet.ask({ workMs: 250 });
    for (const [first, second] of [
      ['each.0', 'each.1'],
      ['each.2', 'each.3'],
    ] as const) {
      const pids = await Promise.all([started(first), started(second)]);
      supervisor.kill('SIGKILL');
      tryKill(pids[0], 'SIGKILL');
      supervisor = await superviseApart(yaml);
    }
    const task = await answer;
    expect(task.status.state).toBe('TASK_STATE_COMPLETED');
    const results = writes.filter((write) => write.startsWith(task.id) && write.endsWith('/result'));
    const steps = ['each', 'each.0', 'each.1', 'each.2', 'each.3', 'end'];
    expect(results.toSorted()).toEqual(steps.map((step) => `${task.id}/${step}/result`).toSorted());
    expect(writes.filter((write) => write === `${task.id}/each/items`)).toHaveLength(1);
    for (const step of steps.slice(1, 5))
      expect(told.filter(({ word, stepId }) => word === 'acted' && stepId === step)).toHaveLength(1);
  });

  test('a compensation is killed at work, with the supervisor: what was to be undone is undone, in its order', async () => {
    await open();
    const undo = `compensate: { use: { blueprint: work }, ${retry} }`;
    const yaml = graphYaml(
      { a: [], b: ['a'], c: ['b'] },
      {
        a: undo,
        b: undo,
        c: 'onFailure: compensate, with: { x: "${ steps.b.output.none }" }, retry: { maxAttempts: 1 }',
      },
      head,
    );
    const supervisor = await superviseApart(yaml);
    const answer = fleet.ask({ workMs: 200 });
    const pid = await started('b.compensate');
    supervisor.kill('SIGKILL');
    tryKill(pid, 'SIGKILL');
    await superviseApart(yaml);
    const task = await answer;
    expect(task.metadata).toMatchObject({ outcome: 'failed', compensation: 'completed' });
    const acted = told.flatMap(({ word, stepId }) =>
      word === 'acted' && stepId.includes('.') ? [stepId] : [],
    );
    expect(acted).toEqual(['b.compensate', 'a.compensate']);
  });

  test('V5: a step that must not act twice is killed after its intent: it ends as unknown and never acts again', async () => {
    await open();
    await superviseHere(graphYaml({ a: [] }, { a: `idempotent: false, ${retry}` }, head));
    const answer = fleet.ask({ workMs: 300 });
    tryKill(await started('a'), 'SIGKILL');
    const task = await answer;
    expect(task.status.state).toBe('TASK_STATE_FAILED');
    expect(JSON.stringify(task.status.message)).toContain('EFFECT_UNKNOWN');
    expect(told.filter(({ word }) => word === 'acted')).toEqual([]);
    expect(told.filter(({ word }) => word === 'started')).toHaveLength(1);
  });
});
