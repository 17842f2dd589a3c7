import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startFaultProxy } from '@shoal/mqtt-link/testing';
import { expect, test } from 'vitest';
import { ORDER_VARIABLES, orderEnvironment } from '../src/index.ts';
import { graphYaml } from '../src/testing/index.ts';
import { BROKERS, SessionBench } from './session-bench.ts';

test(
  'a process whose broker never comes back ends with its session: exit code 1, and a line that says why',
  { timeout: 40_000 },
  async () => {
    const broker = await BROKERS[0]![1]();
    const proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(new URL(broker.url).port) });
    const bench = await SessionBench.open(broker.url, graphYaml({ a: [] }, {}, 'deadlineSeconds: 10'));
    await bench.claim('a', 1);
    const { org, unit, sessionId, workflowId } = bench.session;
    const order = {
      org,
      unit,
      sessionId,
      workflowId,
      stepId: 'a',
      attempt: 1,
      claimId: 'c1',
      blueprint: 'work',
    };
    const program = new URL('./spawned-process.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, ['--conditions=@shoal/source', '--import', 'tsx', program], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        ...orderEnvironment({ kind: 'step', ...order }),
        [ORDER_VARIABLES.url]: proxy.url,
      },
    });
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    const closed = once(child, 'close') as Promise<[number | null]>;
    try {
      await bench.until(({ view }) => view.steps.get('a')?.status?.state === 'running');
      proxy.refuse(true);
      proxy.cut();
      const [code] = await closed;
      expect({ code, log }).toEqual({
        code: 1,
        log: expect.stringContaining('the instance gives up') as string,
      });
    } finally {
      child.kill('SIGKILL');
      await bench.close();
      await proxy.stop();
      await broker.stop();
    }
  },
);
