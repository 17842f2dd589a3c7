import { createServer, connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { startScriptedBroker, type ScriptedBroker } from '../../test/scripted-broker.ts';
import { startTlsFront, TEST_CERTIFICATE, type TlsFront } from '../../test/tls-front.ts';
import { openLink } from '../index.ts';
import { openTransport, parseBrokerUrl } from './transport.ts';

const stops: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

async function start(): Promise<{ broker: ScriptedBroker; front: TlsFront }> {
  const broker = await startScriptedBroker();
  stops.push(() => broker.stop());
  const front = await startTlsFront(Number(new URL(broker.url).port));
  stops.push(() => front.stop());
  return { broker, front };
}

test('mqtts and wss carry a link, given the certificate', async () => {
  const { front } = await start();
  for (const url of [front.mqttsUrl, front.wssUrl]) {
    const link = await openLink({ url, clientId: 'c', tls: { ca: TEST_CERTIFICATE } });
    expect(await link.publish('t', 'x'.repeat(100_000))).toMatchObject({ reasonCode: 0 });
    await link.close();
  }
});

test('an unknown certificate is refused unless that is turned off', async () => {
  const { front } = await start();
  for (const url of [front.mqttsUrl, front.wssUrl]) {
    await expect(openLink({ url, clientId: 'c' })).rejects.toMatchObject({
      code: 'connect-failed',
      message: expect.stringContaining('self-signed') as string,
    });
    const link = await openLink({ url, clientId: 'c', tls: { rejectUnauthorized: false } });
    await link.close();
  }
});

test('a stream of the caller is used instead of the URL', async () => {
  const { broker } = await start();
  const port = Number(new URL(broker.url).port);
  const link = await openLink({
    url: 'unused',
    clientId: 'c',
    openStream: () => connect({ port, host: '127.0.0.1' }),
  });
  await link.publish('t', 'x');
  await link.close();
  const failing = openLink({
    url: 'unused',
    clientId: 'c',
    openStream: () => {
      throw new Error('no stream');
    },
  });
  await expect(failing).rejects.toMatchObject({ code: 'connect-failed' });
});

test('IPv6 addresses are dialled without their brackets', async () => {
  const server = createServer((socket) => socket.end('hello')).listen(0, '::1');
  const listening = await new Promise<boolean>((resolve) => {
    server.on('listening', () => resolve(true)).on('error', () => resolve(false));
  });
  stops.push(() => new Promise((resolve) => server.close(resolve)));
  // A machine without IPv6 has nothing to dial.
  const { port } = (listening ? server.address() : { port: 1 }) as { port: number };
  const stream = openTransport(parseBrokerUrl(`mqtt://[::1]:${port}`));
  const outcome = await new Promise((resolve) => {
    stream.on('data', (chunk: Buffer) => resolve(String(chunk))).on('error', () => resolve('error'));
  });
  expect(outcome).toBe(listening ? 'hello' : 'error');
});

test.each(['localhost', 'http://host', 'mqtt://', '', 'mqtt:host'])('%j is no broker URL', (url) => {
  expect(() => parseBrokerUrl(url)).toThrowError(expect.objectContaining({ code: 'invalid-options' }));
});
