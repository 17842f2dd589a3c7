import type { StreamResponse } from '@a2a-js/sdk';
import type { Client } from '@a2a-js/sdk/client';
import { ClientFactory, JsonRpcTransportFactory } from '@a2a-js/sdk/client';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BROKERS, Network, request } from './network.ts';

const MAIN = join(import.meta.dirname, '../src/bin/main.ts');

describe('the command shoal-gateway', () => {
  let broker: { readonly url: string; stop(): Promise<void> };
  let network: Network;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    broker = await BROKERS[0].start();
    network = new Network(broker.url);
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await network.end();
    await broker.stop();
  });

  /** Starts a replica; resolves with its URL when it takes requests. */
  async function replica(): Promise<{ readonly child: ChildProcess; readonly url: string }> {
    const child = spawn(
      process.execPath,
      [
        '--conditions=@shoal/source',
        '--import',
        'tsx',
        MAIN,
        '--broker',
        broker.url,
        '--org',
        'acme',
        '--unit',
        network.unit,
        '--port',
        '0',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    children.push(child);
    for await (const line of createInterface({ input: child.stderr })) {
      const { message, url } = JSON.parse(line) as { readonly message: string; readonly url?: string };
      if (message === 'listening' && url !== undefined) {
        child.stderr.resume();
        return { child, url };
      }
    }
    throw new Error('the gateway ended before it listened');
  }

  const client = (url: string): Promise<Client> =>
    new ClientFactory({ transports: [new JsonRpcTransportFactory()] }).createFromUrl(
      `${url}/acme/${network.unit}/obedient/`,
    );

  it('is killed in the middle of a stream, and another replica goes on with the task', async () => {
    await network.agent();
    const [first, second] = await Promise.all([replica(), replica()]);
    const running = (await client(first.url)).sendMessageStream(request('hold'));
    const item = (await running.next()).value as StreamResponse;
    const id = item.payload?.$case === 'task' ? item.payload.value.id : '';
    first.child.kill('SIGKILL');
    const rest = (async () => {
      for await (const _ of running);
    })();
    await expect(rest).rejects.toBeInstanceOf(Error);
    const other = await client(second.url);
    const watching = other.resubscribeTask({ tenant: '', id });
    expect((await watching.next()).value?.payload?.$case).toBe('task');
    await other.cancelTask({ tenant: '', id, metadata: undefined });
    let last: StreamResponse | undefined;
    for await (const each of watching) last = each;
    expect(last?.payload?.$case).toBe('statusUpdate');
  }, 60_000);

  it('ends with 0 when it is told to', async () => {
    const { child } = await replica();
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  }, 60_000);
});
