import { randomUUID } from 'node:crypto';
import { createRequester } from '@shoal/agent-sdk';
import { createBroker } from '@shoal/broker';
import { openLink, readRetained } from '@shoal/mqtt-link';
import { createSupervisor, inProcessSpawner } from '@shoal/supervisor';
import { defineBlueprint, parseWorkflow } from '@shoal/workflow';
import { percentile } from '../statistics.ts';
import { serve } from '../serve.ts';
import { bare } from './bare.ts';
import { SHAPES, type Shape } from './shapes.ts';

interface WorkerParameters {
  readonly url: string;
  /** Of the broker's store. */
  readonly directory: string;
}

const UNIT = { org: 'bench', unit: 'workflow' };

/** Each role runs in a process of its own. */
async function start(role: string, { url, directory }: WorkerParameters): Promise<void> {
  switch (role) {
    case 'broker': {
      const broker = createBroker({ allowAnonymous: true, store: { directory } });
      return serve({ ready: { url: (await broker.start()).tcp!.url } });
    }
    case 'supervisor':
      await supervise(url);
      return serve({});
    case 'bare':
      await bare(url, UNIT);
      return serve({});
    case 'caller':
      return serve({ commands: await caller(url) });
    default:
      throw new Error(`no role ${role}`);
  }
}

/** Steps without work: what is measured is the coordination. */
async function supervise(url: string): Promise<void> {
  const work = defineBlueprint({
    id: 'work',
    description: 'Answers at once.',
    run: ({ stepId }) => Promise.resolve({ output: stepId }),
  });
  await createSupervisor({
    url,
    ...UNIT,
    workflows: Object.values(SHAPES).map((yaml) => parseWorkflow(yaml)),
    spawner: inProcessSpawner({ url, blueprints: [work], maxRunning: 10_000 }),
    spawnsPerSecond: 100_000,
    maxOpenSessions: 100_000,
  }).start();
}

async function caller(url: string) {
  const link = await openLink({ url, clientId: `bench/workflow/caller-${randomUUID().slice(0, 8)}` });
  const address = { ...UNIT, agentId: link.clientId.split('/')[2]! };
  const requester = createRequester({ link, address });
  const runOne = async (shape: Shape): Promise<number> => {
    const startedMs = performance.now();
    const task = await requester.send({ ...UNIT, agentId: shape }, 'go', { firstReplyTimeoutMs: 60_000 });
    if (!('status' in task) || task.status.state !== 'TASK_STATE_COMPLETED')
      throw new Error(`${shape} ended otherwise: ${JSON.stringify(task)}`);
    return performance.now() - startedMs;
  };
  const run = (shape: Shape) => async (parameters: Readonly<Record<string, number>>) => {
    const { count = 0, inFlight = 1, loads = 1 } = parameters;
    const latencies: number[] = [];
    const startedMs = performance.now();
    for (let load = 0; load < loads; load += 1) {
      let left = count;
      const one = async (): Promise<void> => {
        while (left > 0) {
          left -= 1;
          latencies.push(await runOne(shape));
        }
      };
      await Promise.all(Array.from({ length: inFlight }, one));
    }
    const perSecond = (latencies.length / (performance.now() - startedMs)) * 1000;
    return { perSecond, p50: percentile(latencies, 0.5), p95: percentile(latencies, 0.95) };
  };
  return {
    chain: run('chain'),
    fan: run('fan'),
    /** Retained records of one finished session of each shape. */
    async retained() {
      const found = await readRetained(link, 'shoal/v1/bench/workflow/session/#');
      const sessions = new Set([...found.keys()].map((topic) => topic.split('/')[5]));
      return found.size / sessions.size;
    },
  };
}

const [, , role = '', parameters = '{}'] = process.argv;
await start(role, JSON.parse(parameters) as WorkerParameters);
