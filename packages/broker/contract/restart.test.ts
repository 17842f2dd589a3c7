import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  createBroker,
  isBrokerError,
  type Authorize,
  type Broker,
  type BrokerAddresses,
  type Store,
} from '../src/index.ts';
import { openLevelStore } from '../src/io/store/level-store.ts';
import { MemoryStore } from '../src/testing.ts';
import { RawClient } from './conformance/raw-client.ts';
import { Clients, connected, Inbox } from './mqtt-clients.ts';

const clients = new Clients();
let directory: string;
let broker: Broker | undefined;
let addresses: BrokerAddresses = {};
let url: string;
const SESSION = { clean: false, properties: { sessionExpiryInterval: 600 } };

const stores: readonly [string, () => () => Promise<Store>][] = [
  [
    'memory',
    () => {
      const store = new MemoryStore();
      return () => Promise.resolve(store);
    },
  ],
  ['LevelDB', () => () => openLevelStore({ directory })],
];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'shoal-broker-'));
});

afterEach(async () => {
  clients.closeAll();
  await broker?.stop();
  await rm(directory, { recursive: true, force: true });
});

describe.each(stores)('with a %s store', (_name, make) => {
  let open: () => Promise<Store>;

  beforeEach(async () => {
    open = make();
    await start();
  });

  async function start(options: { authorize?: Authorize } = {}): Promise<void> {
    broker = createBroker({ allowAnonymous: true, store: await open(), ...options });
    addresses = await broker.start();
    url = addresses.tcp?.url as string;
  }

  async function restart(options?: { authorize?: Authorize }): Promise<void> {
    await broker?.stop();
    clients.closeAll();
    await start(options);
  }

  it('asks the rules of now for sessions of before, and sends nothing that they forbid', async () => {
    const client = await clients.connect(url, { ...SESSION, clientId: 'reader' });
    await client.subscribeAsync(['secret', 'open'], { qos: 1 });
    await client.endAsync();
    const sender = await clients.connect(url);
    for (const topic of ['secret', 'open']) await sender.publishAsync(topic, 'before', { qos: 1 });
    const authorize: Authorize = (_client, action, topic) => action === 'publish' || topic !== 'secret';
    const received: string[] = [];
    for (const payload of ['first life', 'second life']) {
      await restart({ authorize });
      const back = clients.create(url, { ...SESSION, clientId: 'reader' });
      const inbox = new Inbox(back);
      await connected(back);
      for (const topic of ['secret', 'open']) await back.publishAsync(topic, payload, { qos: 1 });
      while (received.at(-1) !== `open ${payload}`) {
        const message = await inbox.next();
        received.push(`${message.topic} ${message.payload}`);
      }
    }
    expect(received).toEqual(['open before', 'open first life', 'open second life']);
  });

  it('keeps retained messages with their properties', async () => {
    const sender = await clients.connect(url);
    const properties = { contentType: 'text/plain', userProperties: { a: ['1', '2'] } };
    await sender.publishAsync('kept', 'x', { qos: 1, retain: true, properties });
    await sender.publishAsync('gone', 'x', { qos: 1, retain: true });
    await sender.publishAsync('gone', '', { qos: 1, retain: true });
    await restart();
    const receiver = await clients.connect(url);
    const inbox = new Inbox(receiver);
    await receiver.subscribeAsync(['gone', 'kept'], { qos: 1 });
    const { topic, packet } = await inbox.next();
    expect(topic).toBe('kept');
    expect(packet.properties).toMatchObject(properties);
    expect(broker?.stats().retained).toBe(1);
  });

  it('keeps sessions, their subscriptions and what is queued for them', async () => {
    const options = { clientId: 'sleeper', clean: false, properties: { sessionExpiryInterval: 600 } };
    const sleeper = await clients.connect(url, options);
    await sleeper.subscribeAsync('q/#', { qos: 2 });
    await sleeper.endAsync();
    const sender = await clients.connect(url);
    for (const qos of [1, 2] as const) await sender.publishAsync('q/a', `before ${qos}`, { qos });
    await sender.publishAsync('q/a', 'large'.repeat(1000), { qos: 1 });
    await restart();
    const later = await clients.connect(url);
    await later.publishAsync('q/b', 'after', { qos: 1 });
    const inbox = new Inbox(clients.create(url, options));
    const got = [await inbox.next(), await inbox.next(), await inbox.next(), await inbox.next()];
    // MQTT.js hands a QoS 2 message over when it is released, so only the QoS 1 messages keep their order here.
    expect(got.map(({ payload }) => payload)).toEqual([
      'before 1',
      'large'.repeat(1000),
      'after',
      'before 2',
    ]);
  });

  it('forgets what a session acknowledged', async () => {
    const options = { clientId: 'awake', clean: false, properties: { sessionExpiryInterval: 600 } };
    const awake = await clients.connect(url, options);
    const inbox = new Inbox(awake);
    await awake.subscribeAsync('q', { qos: 2 });
    for (const qos of [1, 2] as const) await awake.publishAsync('q', `m${qos}`, { qos });
    await inbox.next();
    await inbox.next();
    await awake.endAsync();
    await restart();
    const again = clients.create(url, options);
    const second = new Inbox(again);
    const other = await clients.connect(url);
    await other.publishAsync('q', 'new', { qos: 1 });
    expect((await second.next()).payload).toBe('new');
  });

  it('sends the wills of clients that were connected when it died', async () => {
    const will = { topic: 'died', payload: Buffer.from('x'), qos: 1 as const, retain: true };
    await clients.connect(url, { clientId: 'clean', will });
    const said = await clients.connect(url, { will: { ...will, topic: 'said-goodbye' } });
    await said.endAsync();
    await restart();
    const receiver = await clients.connect(url);
    const inbox = new Inbox(receiver);
    await receiver.subscribeAsync(['said-goodbye', 'died'], { qos: 1 });
    expect((await inbox.next()).topic).toBe('died');
    await restart();
    expect(broker?.stats().retained).toBe(1);
  });

  it('does not send a delayed will that a reconnect took back', async () => {
    const session = { clientId: 'back', clean: false, properties: { sessionExpiryInterval: 600 } };
    const will = {
      topic: 'late',
      payload: Buffer.from('x'),
      qos: 1 as const,
      retain: true,
      properties: { willDelayInterval: 1 },
    };
    const first = await clients.connect(url, { ...session, will });
    const gone = new Promise((resolve) => first.once('close', () => resolve(undefined)));
    first.stream.destroy();
    await gone;
    const second = await clients.connect(url, session);
    await second.endAsync();
    await restart();
    const watcher = await clients.connect(url);
    const inbox = new Inbox(watcher);
    await watcher.subscribeAsync(['late', 'marker'], { qos: 1 });
    await watcher.publishAsync('marker', '', { qos: 1 });
    expect((await inbox.next()).topic).toBe('marker');
    expect(broker?.stats().retained).toBe(0);
  });

  it('sends a delayed will when its time comes, also when that is after a restart', async () => {
    const dying = await clients.connect(url, {
      ...SESSION,
      clientId: 'dying',
      will: {
        topic: 'late',
        payload: Buffer.from('x'),
        qos: 1,
        retain: false,
        properties: { willDelayInterval: 2 },
      },
    });
    const gone = new Promise((resolve) => dying.once('close', () => resolve(undefined)));
    dying.stream.destroy();
    await gone;
    await restart();
    const watcher = await clients.connect(url);
    const inbox = new Inbox(watcher);
    await watcher.subscribeAsync(['late', 'marker'], { qos: 1 });
    await watcher.publishAsync('marker', '', { qos: 1 });
    expect([(await inbox.next()).topic, (await inbox.next()).topic]).toEqual(['marker', 'late']);
  });

  it('repeats what was in flight, with DUP and its identifier, and PUBREL where PUBREC had come', async () => {
    const first = await RawClient.open(addresses);
    await first.connect('raw', SESSION);
    await first.subscribe('t');
    const sender = await clients.connect(url);
    for (const qos of [1, 2, 2] as const) await sender.publishAsync('t', 'x', { qos });
    const ids = (await first.publications()).map(({ messageId }) => messageId as number);
    first.send({ cmd: 'pubrec', messageId: ids[2] as number });
    await first.pending();
    await restart();
    const again = await RawClient.open(addresses);
    expect(await again.connect('raw', SESSION)).toMatchObject({ sessionPresent: true });
    const repeated = await again.pending();
    again.destroy();
    expect(repeated).toHaveLength(3);
    expect(repeated).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ cmd: 'publish', qos: 1, dup: true, messageId: ids[0] }),
        expect.objectContaining({ cmd: 'publish', qos: 2, dup: true, messageId: ids[1] }),
        expect.objectContaining({ cmd: 'pubrel', messageId: ids[2] }),
      ]),
    );
  });

  it('keeps no trace of a session that ended at DISCONNECT, not of what it shared either', async () => {
    const leaving = await RawClient.open(addresses);
    const properties = { sessionExpiryInterval: 600, receiveMaximum: 1 };
    await leaving.connect('leaving', { clean: false, properties });
    await leaving.subscribe('$share/g/t');
    const sender = await clients.connect(url);
    for (const payload of ['1', '2']) await sender.publishAsync('t', payload, { qos: 1 });
    const other = await clients.connect(url, { ...SESSION, clientId: 'other' });
    const inbox = new Inbox(other);
    await other.subscribeAsync('$share/g/t', { qos: 1 });
    leaving.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
    await leaving.closed;
    expect([(await inbox.next()).payload, (await inbox.next()).payload].toSorted()).toEqual(['1', '2']);
    await other.endAsync();
    await restart();
    expect(broker?.stats()).toMatchObject({ sessions: 1 });
    const back = new Inbox(clients.create(url, { ...SESSION, clientId: 'other' }));
    const last = await clients.connect(url);
    await last.publishAsync('t', 'new', { qos: 1 });
    expect((await back.next()).payload).toBe('new');
  });

  it('names itself anew at every start, and its store always the same', async () => {
    const read = async (): Promise<string[]> => {
      const receiver = await clients.connect(url);
      const inbox = new Inbox(receiver);
      await receiver.subscribeAsync(['$SYS/broker/boot-id', '$SYS/broker/store-id']);
      const got = [await inbox.next(), await inbox.next()];
      return got.toSorted((a, b) => (a.topic < b.topic ? -1 : 1)).map(({ payload }) => payload);
    };
    const [bootId, storeId] = await read();
    await restart();
    const [nextBootId, nextStoreId] = await read();
    expect(nextBootId).not.toBe(bootId);
    expect(nextStoreId).toBe(storeId);
  });
});

it('refuses a directory that another broker uses', async () => {
  const other = createBroker({ allowAnonymous: true, store: { directory } });
  await other.start();
  broker = createBroker({ allowAnonymous: true, store: { directory } });
  await expect(broker.start()).rejects.toSatisfy((error) => isBrokerError(error, 'store-open-failed'));
  await other.stop();
});
