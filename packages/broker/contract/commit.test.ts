import { afterEach, beforeEach, expect, it } from 'vitest';

import {
  createBroker,
  type Broker,
  type BrokerAddresses,
  type Store,
  type StoreChange,
} from '../src/index.ts';
import { publishPacket, RawClient } from './conformance/raw-client.ts';
import { Clients, Inbox } from './mqtt-clients.ts';

/** A store whose writes take as long as the test wants. */
class SlowStore implements Store {
  readonly durability = 'process';
  readonly written: StoreChange[] = [];
  writes = 0;
  slow = false;
  private release: ((error?: Error) => void) | undefined;
  private started: (() => void) | undefined;

  async *entries(): AsyncGenerator<readonly [string, Buffer]> {}

  async write(changes: readonly StoreChange[]): Promise<void> {
    this.writes++;
    if (this.slow) {
      const finished = new Promise<void>((resolve, reject) => {
        this.release = (error) => (error === undefined ? resolve() : reject(error));
      });
      this.started?.();
      await finished;
    }
    this.written.push(...changes);
  }

  begun(): Promise<void> {
    return new Promise((resolve) => (this.started = resolve));
  }

  finish(error?: Error): void {
    this.release?.(error);
  }

  async close(): Promise<void> {}
}

type Address = NonNullable<BrokerAddresses['tcp']>;

/** Of a client whose session the broker keeps. */
const KEPT = { clientId: 'kept', clean: false, properties: { sessionExpiryInterval: 60 } };

const clients = new Clients();
let store: SlowStore;
let broker: Broker;
let addresses: Address;
let url: string;

beforeEach(async () => {
  store = new SlowStore();
  broker = createBroker({ allowAnonymous: true, store });
  addresses = (await broker.start()).tcp as Address;
  url = addresses.url;
});

afterEach(async () => {
  store.slow = false;
  store.finish();
  clients.closeAll();
  await broker.stop();
});

it.each([1, 2] as const)(
  'acknowledges QoS %i only when the store has written, and delivers meanwhile',
  async (qos) => {
    const receiver = await clients.connect(url);
    const inbox = new Inbox(receiver);
    await receiver.subscribeAsync('t', { qos: 1 });
    const sender = await clients.connect(url);
    store.slow = true;
    const begun = store.begun();
    let acknowledged = false;
    const publishing = sender.publishAsync('t', 'x', { qos, retain: true }).then(() => (acknowledged = true));
    await begun;
    expect((await inbox.next()).payload).toBe('x');
    expect(acknowledged).toBe(false);
    expect(store.written.some(({ key }) => key.endsWith('t'))).toBe(false);
    store.slow = false;
    store.finish();
    await publishing;
    expect(store.written.some(({ key }) => key.endsWith('t'))).toBe(true);
  },
);

it('acknowledges without the store what its receiver, whose session is kept, has acknowledged', async () => {
  const receiver = await clients.connect(url, KEPT);
  const inbox = new Inbox(receiver);
  await receiver.subscribeAsync('t', { qos: 1 });
  const sender = await clients.connect(url);
  store.slow = true;
  await sender.publishAsync('t', 'x', { qos: 1 });
  expect((await inbox.next()).payload).toBe('x');
});

it('lets messages pass the acknowledgements that wait for the store', async () => {
  const holding = await clients.connect(url, { ...KEPT, customHandleAcks: () => undefined });
  await holding.subscribeAsync('t', { qos: 1 });
  const sender = await clients.connect(url);
  const inbox = new Inbox(sender);
  await sender.subscribeAsync('echo', { qos: 1 });
  store.slow = true;
  const begun = store.begun();
  let acknowledged = false;
  const publishing = sender.publishAsync('t', 'x', { qos: 1 }).then(() => (acknowledged = true));
  await begun;
  await sender.publishAsync('echo', 'y', { qos: 0 });
  expect((await inbox.next()).payload).toBe('y');
  expect(acknowledged).toBe(false);
  store.slow = false;
  store.finish();
  await publishing;
});

it('ends one handshake of QoS 2 while the answer of another waits for the store', async () => {
  const sender = await RawClient.open({ tcp: addresses });
  await sender.connect('raw-sender');
  sender.send(publishPacket('nobody', 'x', { qos: 2, messageId: 1 }));
  expect(await sender.next()).toMatchObject({ cmd: 'pubrec', messageId: 1 });
  store.slow = true;
  const begun = store.begun();
  sender.send(publishPacket('kept', 'x', { qos: 2, messageId: 2, retain: true }));
  await begun;
  sender.send({ cmd: 'pubrel', messageId: 1 });
  expect(await sender.next()).toMatchObject({ cmd: 'pubcomp', messageId: 1 });
  store.slow = false;
  store.finish();
  expect(await sender.next()).toMatchObject({ cmd: 'pubrec', messageId: 2 });
  sender.destroy();
});

it('writes what came during one write in the next, all of it at once', async () => {
  const sender = await clients.connect(url);
  store.slow = true;
  const begun = store.begun();
  const first = sender.publishAsync('first', 'x', { qos: 1, retain: true });
  await begun;
  const before = store.writes;
  const more = Array.from({ length: 50 }, (_, i) =>
    sender.publishAsync(`more/${i}`, 'x', { qos: 1, retain: true }),
  );
  const other = await clients.connect(url);
  await other.publishAsync('unrecorded', 'x', { qos: 0 });
  store.slow = false;
  store.finish();
  await Promise.all([first, ...more]);
  expect(store.writes - before).toBeLessThanOrEqual(3);
});

it('acknowledges nothing and lets everyone go when the store fails', async () => {
  const sender = await clients.connect(url);
  store.slow = true;
  const begun = store.begun();
  let acknowledged = false;
  sender.publish(
    't',
    'x',
    { qos: 1, retain: true },
    (error) => (acknowledged = error === undefined || error === null),
  );
  await begun;
  const gone = new Promise<void>((resolve) => sender.once('close', () => resolve()));
  store.finish(new Error('disk full'));
  await gone;
  expect(acknowledged).toBe(false);
});
