import { once } from 'node:events';
import { createServer, connect, type AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { startScriptedBroker, type ScriptedBroker } from '../../test/scripted-broker.ts';
import { startTlsFront, TEST_CERTIFICATE, type TlsFront } from '../testing/tls-front.ts';
import { openLink } from '../index.ts';
import { openTransport } from './platform.ts';

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
    expect(link.transport).toBe('tls');
    expect(await link.publish('t', 'x'.repeat(100_000))).toMatchObject({ reasonCode: 0 });
    await link.close();
  }
});

test('an unknown certificate is refused unless that is turned off', async () => {
  const { front } = await start();
  for (const url of [front.mqttsUrl, front.wssUrl]) {
    await expect(openLink({ url, clientId: 'c' })).rejects.toMatchObject({
      code: 'connect-failed',
      message: expect.stringContaining('give it, or its CA, as tls.ca') as string,
    });
    const link = await openLink({ url, clientId: 'c', tls: { rejectUnauthorized: false } });
    expect(link.transport).toBe('tls-unverified');
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
  expect(link.transport).toBe('custom');
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
  const stream = openTransport(new URL(`mqtt://[::1]:${port}`));
  const outcome = await new Promise((resolve) => {
    stream.on('data', (chunk: Buffer) => resolve(String(chunk))).on('error', () => resolve('error'));
  });
  expect(outcome).toBe(listening ? 'hello' : 'error');
});

test('a port where nothing listens is said to be one', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  await expect(openLink({ url: `mqtt://127.0.0.1:${port}`, clientId: 'c' })).rejects.toMatchObject({
    code: 'connect-failed',
    message: expect.stringContaining('nothing listens there: is the broker running') as string,
  });
});

test('TLS to a port that does not speak it is said to be that', async () => {
  const { broker } = await start();
  const url = broker.url.replace('mqtt:', 'mqtts:');
  await expect(openLink({ url, clientId: 'c', connectTimeoutMs: 2_000 })).rejects.toMatchObject({
    message: expect.stringContaining('does not speak TLS on this port') as string,
  });
});

test('a broker that answers in MQTT 3.1.1 is refused with the advice to use one that speaks MQTT 5', async () => {
  const broker = await startScriptedBroker(({ cmd }) =>
    cmd === 'connect' ? [Buffer.from([0x20, 2, 0, 1])] : undefined,
  );
  stops.push(() => broker.stop());
  await expect(openLink({ url: broker.url, clientId: 'c' })).rejects.toMatchObject({
    code: 'connect-refused',
    reasonCode: 1,
    message: expect.stringContaining('MQTT 5 is needed') as string,
  });
});

test('a broker that hangs up on CONNECT may be one without MQTT 5: the error says so', async () => {
  const broker = await startScriptedBroker(({ cmd }) => (cmd === 'connect' ? ['close'] : undefined));
  stops.push(() => broker.stop());
  await expect(openLink({ url: broker.url, clientId: 'c' })).rejects.toMatchObject({
    code: 'connect-failed',
    message: expect.stringContaining('MQTT 3.1.1 only') as string,
  });
});
