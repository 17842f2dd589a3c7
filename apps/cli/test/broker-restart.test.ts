import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBroker, type Broker } from '@shoal/broker';
import { createSupervisor, inProcessSpawner } from '@shoal/supervisor';
import { defineBlueprint, parseWorkflow } from '@shoal/workflow';
import { expect, it } from 'vitest';
import type { WorkflowRun } from '../src/shapes/workflows.ts';
import { cliJson } from './cli.ts';

it(
  'workflow run waits for a broker that starts again, and tells the end of the session',
  { timeout: 60_000 },
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'shoal-cli-'));
    const startBroker = async (port: number): Promise<[Broker, number]> => {
      const broker = createBroker({
        allowAnonymous: true,
        store: { directory },
        listen: { tcp: { port }, ws: false },
      });
      return [broker, (await broker.start()).tcp?.port ?? 0];
    };
    let [broker, port] = await startBroker(0);
    const url = `mqtt://127.0.0.1:${port}`;
    let begun = (): void => undefined;
    const atWork = new Promise<void>((resolve) => (begun = resolve));
    let finish = (): void => undefined;
    const mayEnd = new Promise<void>((resolve) => (finish = resolve));
    const work = defineBlueprint({
      id: 'work',
      description: 'Works until it is told to end.',
      async run() {
        begun();
        await mayEnd;
        return { output: 'done' };
      },
    });
    const workflow = parseWorkflow(
      'id: long\ndescription: Lasts.\nsteps:\n  - { id: only, use: { blueprint: work } }\n',
    );
    const spawner = inProcessSpawner({ url, blueprints: [work] });
    const supervisor = createSupervisor({
      url,
      org: 'acme',
      unit: 'plant-1',
      workflows: [workflow],
      spawner,
    });
    await supervisor.start();
    try {
      const ran = cliJson<WorkflowRun>('workflow.run', ['workflow', 'run', 'long'], {
        env: { SHOAL_BROKER_URL: url, SHOAL_ORG: 'acme', SHOAL_UNIT: 'plant-1' },
      });
      await atWork;
      await broker.stop();
      [broker, port] = await startBroker(port);
      finish();
      const { value, code, stderr } = await ran;
      expect(value.state).toBe('TASK_STATE_COMPLETED');
      expect(code).toBe(0);
      expect(stderr).toContain('the connection to the broker was lost');
      expect(stderr).toContain('connected again');
    } finally {
      finish();
      await supervisor.stop();
      await spawner.stop();
      await broker.stop();
      await rm(directory, { recursive: true });
    }
  },
);
