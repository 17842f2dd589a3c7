import type { StreamResponse } from '@a2a-js/sdk';
import type { Client } from '@a2a-js/sdk/client';
import { ClientFactory, JsonRpcTransportFactory } from '@a2a-js/sdk/client';
import { createRequester } from '@shoal/agent-sdk';
import { openLink } from '@shoal/mqtt-link';
import { startCollector } from '@shoal/observability/testing';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpAgentServer } from './http-agent-server.ts';
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
  async function replica(
    args: readonly string[] = [],
    env: NodeJS.ProcessEnv = {},
    ready = 'listening',
  ): Promise<{ readonly child: ChildProcess; readonly url: string }> {
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
        ...args,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } },
    );
    children.push(child);
    let listensAt = '';
    for await (const line of createInterface({ input: child.stderr })) {
      const { message, url } = JSON.parse(line) as { readonly message: string; readonly url?: string };
      if (message === 'listening' && url !== undefined) listensAt = url;
      if (message === ready) {
        child.stderr.resume();
        return { child, url: listensAt };
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

  it('logs lines of JSON and no line that a caller made up in an id', async () => {
    await network.agent();
    const { child, url } = await replica(['--grace', '0']);
    let log = '';
    child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString('utf8')));
    const response = await fetch(`${url}/acme/${network.unit}/obedient/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'a2a-version': '1.0' },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 'x\n{"message":"made up"}\n',
        method: 'SendStreamingMessage',
        params: { message: { messageId: 'm-1', role: 'ROLE_USER', parts: [{ text: 'hold' }] } },
      }),
    });
    await response.body?.getReader().read();
    child.kill('SIGTERM');
    await once(child, 'close');
    const lines = log.trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { message: string }).message)).toEqual(
      expect.arrayContaining(['stopping', 'request']),
    );
    expect(log).not.toMatch(/^\{"message":"made up"\}$/m);
  });

  it('continues the trace of a request on the broker to the agent on HTTP', async () => {
    const http = new HttpAgentServer();
    await http.start();
    network.onEnd(() => http.disappear());
    const collector = await startCollector();
    network.onEnd(() => collector.stop());
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    const { child } = await replica(['--http-agent', `weather=${http.url}`], env, 'on the broker');
    const address = { org: 'acme', unit: network.unit };
    const link = await openLink({ url: broker.url, clientId: `acme/${network.unit}/asks` });
    network.onEnd(() => link.close());
    const requester = createRequester({ link, address: { ...address, agentId: 'asks' } });
    network.onEnd(() => requester.close());
    const trace = '0af7651916cd43dd8448eb211c80319c';
    const userProperties = { traceparent: `00-${trace}-b7ad6b7169203331-01` };
    await requester.send({ ...address, agentId: 'weather' }, 'echo', { userProperties });
    child.kill('SIGTERM');
    await once(child, 'exit');
    const spans = collector.spans.filter(({ traceId }) => traceId === trace);
    const run = spans.find(({ kind }) => kind === 'server');
    const calls = spans.filter(({ parentSpanId }) => parentSpanId === run?.spanId);
    expect(run?.parentSpanId).toBe('b7ad6b7169203331');
    expect(calls.map(({ name, kind }) => `${name} ${kind}`)).toContain('POST client');
    const sent = [...http.traceparents].filter((header) => header?.includes(trace));
    expect(sent.map((header) => header?.split('-')[2])).toEqual(
      expect.arrayContaining(calls.filter(({ name }) => name === 'POST').map(({ spanId }) => spanId)),
    );
    expect(sent.length).toBeGreaterThan(0);
  }, 60_000);

  it('ends with 0 when it is told to', async () => {
    const { child } = await replica();
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  }, 60_000);
});
