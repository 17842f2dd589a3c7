import type { IClientOptions, MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createBroker, type Broker, type BrokerAddresses } from '../src/index.ts';
import { Clients, disconnected, Inbox } from './mqtt-clients.ts';

let broker: Broker;
let addresses: BrokerAddresses;
const clients = new Clients();

beforeEach(async () => {
  broker = createBroker({ allowAnonymous: true, listen: { tcp: {}, ws: {} } });
  addresses = await broker.start();
});

afterEach(async () => {
  clients.closeAll();
  await broker.stop();
});

describe.each(['tcp', 'ws'] as const)('over %s', (transport) => {
  const connect = (options: IClientOptions = {}): Promise<MqttClient> =>
    clients.connect(addresses[transport]?.url as string, options);

  it.each([0, 1, 2] as const)('delivers QoS %i with all properties', async (qos) => {
    const receiver = await connect();
    const inbox = new Inbox(receiver);
    await receiver.subscribeAsync('a/+', { qos: 2 });
    const sender = await connect();
    const properties = {
      responseTopic: 'r/1',
      correlationData: Buffer.from([1, 2, 3]),
      contentType: 'application/json',
      payloadFormatIndicator: true,
      userProperties: { a: ['1', '2'], b: '3' },
    };
    await sender.publishAsync('a/b', '{}', { qos, properties });
    const { topic, packet } = await inbox.next();
    expect(topic).toBe('a/b');
    expect(packet.qos).toBe(qos);
    expect(packet.properties).toMatchObject(properties);
  });

  it('keeps retained messages and forgets them on an empty payload', async () => {
    const sender = await connect();
    await sender.publishAsync('s/1', 'x', { retain: true, qos: 1 });
    await sender.publishAsync('s/2', 'y', { retain: true, qos: 1 });
    await sender.publishAsync('s/1', '', { retain: true, qos: 1 });
    const receiver = await connect();
    const inbox = new Inbox(receiver);
    await receiver.subscribeAsync('s/#', { qos: 1 });
    const { topic, payload, packet } = await inbox.next();
    expect([topic, payload, packet.retain]).toEqual(['s/2', 'y', true]);
    expect(broker.stats().retained).toBeGreaterThan(0);
  });

  it('sends the will of a client that vanished', async () => {
    const receiver = await connect();
    const inbox = new Inbox(receiver);
    await receiver.subscribeAsync('w');
    const dying = await connect({
      will: { topic: 'w', payload: Buffer.from('gone'), qos: 1, retain: false },
    });
    dying.stream.destroy();
    expect((await inbox.next()).payload).toBe('gone');
  });

  it('keeps messages for a session that is away', async () => {
    const options = { clientId: 'sleeper', clean: false, properties: { sessionExpiryInterval: 60 } };
    const first = await connect(options);
    await first.subscribeAsync('q', { qos: 1 });
    await first.endAsync();
    const sender = await connect();
    await sender.publishAsync('q', 'kept', { qos: 1 });
    const second = clients.create(addresses[transport]?.url as string, options);
    const inbox = new Inbox(second);
    expect((await inbox.next()).payload).toBe('kept');
  });

  it('shares messages of a dollar topic among the members of a group', async () => {
    const topic = '$a2a/v1/request/o/u/pool/p';
    const members = await Promise.all([connect(), connect()]);
    const inboxes = members.map((member) => new Inbox(member));
    for (const member of members) await member.subscribeAsync(`$share/g/${topic}`, { qos: 1 });
    const sender = await connect();
    await sender.publishAsync(topic, '1', { qos: 1 });
    await sender.publishAsync(topic, '2', { qos: 1 });
    const got = await Promise.all(inboxes.map((inbox) => inbox.next()));
    expect(got.map((message) => message.payload).toSorted()).toEqual(['1', '2']);
  });

  it('speaks MQTT 3.1.1', async () => {
    const receiver = await connect({ protocolVersion: 4 });
    const inbox = new Inbox(receiver);
    await receiver.subscribeAsync('v4', { qos: 2 });
    const sender = await connect();
    await sender.publishAsync('v4', 'hi', { qos: 2, properties: { userProperties: { a: 'b' } } });
    expect((await inbox.next()).payload).toBe('hi');
  });

  it('evicts the older connection with 0x8E', async () => {
    const first = await connect({ clientId: 'one' });
    const evicted = disconnected(first);
    await connect({ clientId: 'one' });
    expect(await evicted).toBe(0x8e);
  });
});
