import { describe, expect, it } from 'vitest';

import { createBroker } from '../src/index.ts';
import { Clients, disconnected } from './mqtt-clients.ts';

describe('a broker that stops', () => {
  it('lets nobody in, tells the probes, and waits for what its clients have not acknowledged', async () => {
    const broker = createBroker({ allowAnonymous: true, listen: { http: {} } });
    const { http, tcp } = await broker.start();
    const url = tcp?.url as string;
    const ready = async (): Promise<unknown> => (await fetch(`${http?.url}/readyz`)).json();
    expect(await ready()).toEqual({ status: 'ok' });
    const clients = new Clients();
    let acknowledge = (): void => undefined;
    let arrived = (): void => undefined;
    const received = new Promise<void>((resolve) => (arrived = resolve));
    const slow = clients.create(url, {
      clientId: 'slow',
      customHandleAcks: (_topic, _payload, _packet, done) => {
        acknowledge = () => done(0);
        arrived();
      },
    });
    await new Promise<void>((resolve) => slow.once('connect', () => resolve()));
    await slow.subscribeAsync('t', { qos: 1 });
    const sender = await clients.connect(url);
    await sender.publishAsync('t', 'x', { qos: 1 });
    await received;
    const goodbye = disconnected(slow);
    const stopped = broker.stop({ drainTimeoutMs: 60_000 });
    expect(await ready()).toEqual({ status: 'draining' });
    expect((await fetch(`${http?.url}/livez`)).status).toBe(200);
    await expect(clients.connect(url)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(slow.connected).toBe(true);
    acknowledge();
    expect(await goodbye).toBe(0x8b);
    await stopped;
    await expect(fetch(`${http?.url}/livez`)).rejects.toThrow(/fetch failed/);
    clients.closeAll();
  });

  it('does not wait longer than it was told', async () => {
    const broker = createBroker({ allowAnonymous: true });
    const url = (await broker.start()).tcp?.url as string;
    const clients = new Clients();
    let arrived = (): void => undefined;
    const received = new Promise<void>((resolve) => (arrived = resolve));
    const deaf = await clients.connect(url, { customHandleAcks: () => arrived() });
    await deaf.subscribeAsync('t', { qos: 1 });
    const sender = await clients.connect(url);
    await sender.publishAsync('t', 'x', { qos: 1 });
    await received;
    const began = performance.now();
    await broker.stop({ drainTimeoutMs: 100 });
    expect(performance.now() - began).toBeGreaterThan(90);
    expect(broker.stats().messagesSent).toBe(1);
    clients.closeAll();
  });
});
