import type { IClientOptions, MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { authenticateUsers, createBroker, hashPassword, type Broker } from '../src/index.ts';
import { cardText } from '../test/cards.ts';
import { Clients, Inbox } from './mqtt-clients.ts';

const PUMP = 'acme/plant/pump-01';
const clients = new Clients();
const passwordHash = await hashPassword('secret');
let broker: Broker;
let url: string;

beforeEach(async () => {
  const bound = (username: string, ...clientIds: string[]) => ({ username, passwordHash, clientIds });
  broker = createBroker({
    authenticate: authenticateUsers([
      bound('pump', PUMP),
      bound('valve', 'acme/plant/valve-01'),
      bound('office', 'acme/office/clerk'),
      { username: 'free', passwordHash },
    ]),
  });
  url = (await broker.start()).tcp?.url as string;
});

afterEach(async () => {
  clients.closeAll();
  await broker.stop();
});

const as = (username: string, clientId: string, options: IClientOptions = {}): Promise<MqttClient> =>
  clients.connect(url, { username, password: 'secret', clientId, ...options });

describe('a broker with users and nothing else said', () => {
  it('allows agents what the policy for agents allows, and refuses each way around it', async () => {
    const [pump, valve, clerk] = [
      await as('pump', PUMP),
      await as('valve', 'acme/plant/valve-01'),
      await as('office', 'acme/office/clerk'),
    ];
    const inbox = new Inbox(valve);
    await valve.subscribeAsync('$a2a/v1/request/acme/plant/valve-01', { qos: 1 });
    await pump.publishAsync('$a2a/v1/request/acme/plant/valve-01', '{}', { qos: 1 });
    expect((await inbox.next()).payload).toBe('{}');
    const refusedFilters = [
      '$a2a/v1/request/acme/plant/valve-01',
      '$share/thief/$a2a/v1/request/acme/plant/valve-01',
      '$share/thief/$a2a/v1/request/acme/plant/+',
      '$share/thief/#',
      '$a2a/v1/reply/acme/plant/valve-01/#',
      '#',
      '+/+/+/+/+/+',
      'shoal/v1/acme/+/session/#',
    ];
    for (const filter of refusedFilters) {
      await expect(pump.subscribeAsync(filter)).rejects.toThrow(/Not authorized/);
    }
    const refused = expect.objectContaining({ code: 0x87 });
    for (const topic of [
      '$a2a/v1/request/acme/plant/valve-01',
      'shoal/v1/acme/plant/session/x',
      '$SYS/broker/x',
    ])
      await expect(clerk.publishAsync(topic, 'x', { qos: 1 })).rejects.toEqual(refused);
    const card = { retain: true, qos: 1 } as const;
    await expect(
      pump.publishAsync('$a2a/v1/discovery/acme/plant/valve-01', cardText(), card),
    ).rejects.toEqual(refused);
  });

  it('refuses a will that its client may not publish', async () => {
    const willOf = (topic: string, retain = false) => ({
      will: { topic, payload: Buffer.from(cardText()), qos: 1 as const, retain },
    });
    for (const topic of ['$a2a/v1/discovery/acme/plant/valve-01', 'anything', '$SYS/x'])
      await expect(as('pump', PUMP, willOf(topic, true))).rejects.toMatchObject({ code: 0x87 });
    await expect(as('pump', PUMP, willOf('$a2a/v1/reply/acme/plant/x/y', true))).rejects.toMatchObject({
      code: 0x87,
    });
    await as('pump', PUMP, willOf(`$a2a/v1/discovery/${PUMP}`, true));
    expect(broker.stats().connections).toBe(1);
  });

  it('does not let a reply topic take an agent further than it may go', async () => {
    const pump = await as('pump', PUMP);
    const inbox = new Inbox(pump);
    await pump.subscribeAsync(`$a2a/v1/request/${PUMP}`, { qos: 1 });
    const valve = await as('valve', 'acme/plant/valve-01');
    const responseTopic = '$a2a/v1/request/acme/office/clerk';
    const properties = { responseTopic, correlationData: Buffer.from('c') };
    await valve.publishAsync(`$a2a/v1/request/${PUMP}`, '{}', { qos: 1, properties });
    const { packet } = await inbox.next();
    const aim = packet.properties?.responseTopic as string;
    await expect(pump.publishAsync(aim, 'x', { qos: 1 })).rejects.toMatchObject({ code: 0x87 });
  });

  it('does not hand a session to another credential', async () => {
    const pump = await as('pump', PUMP, { clean: false, properties: { sessionExpiryInterval: 60 } });
    await expect(as('valve', PUMP)).rejects.toMatchObject({ code: 0x85 });
    await expect(as('free', PUMP)).rejects.toMatchObject({ code: 0x85 });
    await pump.endAsync();
    await expect(as('free', PUMP, { clean: false })).rejects.toMatchObject({ code: 0x85 });
    await as('pump', PUMP, { clean: false });
  });

  it.each(['+/+/+', 'acme/plant/+', '#', 'acme/#/x'])('gives the client id %s nothing', async (clientId) => {
    const client = await as('free', clientId);
    for (const filter of ['$a2a/v1/discovery/+/+/+', '$a2a/v1/reply/+/+/+/#', '$a2a/v1/request/acme/plant/+'])
      await expect(client.subscribeAsync(filter)).rejects.toThrow(/Not authorized/);
    const publish = client.publishAsync('$a2a/v1/request/acme/plant/pump-01', 'x', { qos: 1 });
    await expect(publish).rejects.toMatchObject({ code: 0x87 });
  });

  it('keeps out who shows nothing, unless anonymous clients are asked for', async () => {
    await expect(clients.connect(url, { clientId: PUMP })).rejects.toMatchObject({ code: 0x86 });
    const open = createBroker({ allowAnonymous: true, authenticate: () => false });
    const address = (await open.start()).tcp?.url as string;
    const visitor = await clients.connect(address, { clientId: 'acme/plant/visitor' });
    await expect(visitor.publishAsync('anything', 'x', { qos: 1 })).rejects.toMatchObject({ code: 0x87 });
    await expect(clients.connect(address, { username: 'x', password: 'y' })).rejects.toMatchObject({
      code: 0x86,
    });
    clients.closeAll();
    await open.stop();
  });

  it('warns about anonymous clients on a listener that is not on loopback', async () => {
    const warnings: string[] = [];
    const logger = {
      debug: () => undefined,
      info: () => undefined,
      warn: (message: string) => void warnings.push(message),
      error: () => undefined,
    };
    const open = createBroker({ allowAnonymous: true, logger, listen: { tcp: { host: '0.0.0.0' } } });
    await open.start();
    await open.stop();
    expect(warnings).toEqual([expect.stringMatching(/anyone who reaches this address may connect/)]);
  });
});
