import type { UserProperties } from '@shoal/mqtt-link';
import { openLink } from '@shoal/mqtt-link';
import { startFaultProxy, startMosquitto } from '@shoal/mqtt-link/testing';
import type { AgentAddress, AgentCard } from '@shoal/protocol';
import { clientIdOf, discoveryTopic, requestTopic } from '@shoal/protocol';
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RegisteredAgent, Registry, RegistryOptions } from '../src/index.ts';
import { createEmqxApi, createRegistry, registerCard, sleepExtension, unregisterCard } from '../src/index.ts';
import { BROKERS, startWithApi, type RunningBroker } from './brokers.ts';

/** Quick enough for a test; the exact times are checked with a fake clock in `presence.test.ts`. */
const POLICY = { offlineAfterMs: 400, restartGraceMs: 1_500, probeIntervalMs: 50 };

const baseCard: AgentCard = {
  name: 'Echo',
  description: 'Says it again',
  version: '1.0.0',
  supportedInterfaces: [{ url: 'mqtt://b', protocolBinding: 'MQTTv5+JSONRPCv2', protocolVersion: '1.0' }],
  capabilities: {},
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  skills: [{ id: 'echo', name: 'Echo', description: 'Repeats', tags: ['demo'] }],
};

const cleanUp: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const work of cleanUp.splice(0).toReversed()) await work();
});

interface AgentInit {
  readonly url: string;
  readonly card?: AgentCard;
  /** Answers requests, as a living agent does. Default true. */
  readonly answers?: boolean;
}

/** An agent by hand: what reaches the wire is what the tests say, not what the SDK would do. */
async function openAgent(address: AgentAddress, { url, card = baseCard, answers = true }: AgentInit) {
  const topic = discoveryTopic(address);
  const link = await openLink({
    url,
    clientId: clientIdOf(address),
    reconnect: { minDelayMs: 20, maxDelayMs: 100 },
    will: { topic, payload: JSON.stringify(card), retain: true, userProperties: status('offline', 'lwt') },
  });
  cleanUp.push(() => link.close());
  const publish = (
    payload: string | AgentCard = card,
    properties: UserProperties = status('online', 'agent'),
  ) =>
    link.publish(topic, typeof payload === 'string' ? payload : JSON.stringify(payload), {
      retain: true,
      userProperties: properties,
    });
  if (answers)
    await link.subscribe(requestTopic(address), ({ responseTopic = '', correlationData = Buffer.alloc(0) }) =>
      link
        .publish(responseTopic, '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"no"}}', {
          correlationData,
        })
        .then(() => undefined),
    );
  await publish();
  return { link, publish, address };
}

async function openRegistry(url: string, options: Partial<RegistryOptions> = {}): Promise<Registry> {
  const link = await openLink({
    url,
    clientId: `watcher-${randomUUID()}`,
    reconnect: { minDelayMs: 20, maxDelayMs: 100 },
  });
  cleanUp.push(() => link.close());
  const registry = createRegistry({ link, org: 'o', policy: POLICY, ...options });
  cleanUp.push(() => registry.stop());
  await registry.start();
  return registry;
}

const inState = (agentId: string, state: string) => (found: RegisteredAgent) =>
  found.address.agentId === agentId && found.presence.state === state;

for (const [kind, { name, start, skip }] of Object.entries(BROKERS)) {
  describe.skipIf(skip)(`on ${name}${skip ? ' (not installed)' : ''}`, () => {
    let broker: RunningBroker;
    let url = '';

    beforeAll(async () => {
      broker = await start();
      url = broker.url;
    });
    afterAll(() => broker.stop());

    const place = (agentId: string, unit: string): AgentAddress => ({ org: 'o', unit, agentId });

    it('V01: knows the cards that were there before, once start resolves, and what broker it is on', async () => {
      const unit = randomUUID();
      for (const id of ['a', 'b', 'c']) await openAgent(place(id, unit), { url });
      const registry = await openRegistry(url, { unit });
      expect(
        registry
          .agents()
          .map(({ address }) => address.agentId)
          .sort(),
      ).toEqual(['a', 'b', 'c']);
      expect(registry.find({ presence: 'online' })).toHaveLength(3);
      const expected = {
        shoal: { software: 'shoal', presence: 'pushed' },
        emqx: { software: 'emqx', presence: 'polled' },
        narrow: { software: 'shoal', presence: 'pushed' },
        mosquitto: { software: 'mosquitto', presence: 'wills' },
      };
      expect(registry.broker).toEqual(expected[kind as keyof typeof expected]);
    });

    it('V03 V05 V07: follows a registration, a death, a return and an unregistration', async () => {
      const unit = randomUUID();
      const registry = await openRegistry(url, { unit, pollMs: 200 });
      const one = await openAgent(place('one', unit), { url });
      await registry.waitFor(inState('one', 'online'));
      one.link.destroy();
      await registry.waitFor(inState('one', 'suspect'));
      const lost = await registry.waitFor(inState('one', 'offline'));
      expect(lost.presence.reason).not.toBe('');
      const heir = await openAgent(place('one', unit), {
        url,
        card: { ...baseCard, description: 'Changed' },
      });
      await registry.waitFor(
        (found) => inState('one', 'online')(found) && found.card.description === 'Changed',
      );
      const gone = new Promise((resolve) => registry.on('unregistered', resolve));
      await heir.publish('', {});
      await gone;
      expect(registry.agents()).toEqual([]);
    });

    it('V04: a clean exit is offline', async () => {
      const unit = randomUUID();
      const registry = await openRegistry(url, { unit, pollMs: 200 });
      const one = await openAgent(place('one', unit), { url });
      await registry.waitFor(inState('one', 'online'));
      await one.publish(baseCard, status('offline', 'agent'));
      await one.link.close();
      const gone = await registry.waitFor(inState('one', 'offline'));
      expect(gone.presence.reason).not.toBe('');
    });

    it('half-open TCP: an agent whose connection hangs is found out by a probe, and found again', async () => {
      const unit = randomUUID();
      const proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(new URL(url).port) });
      cleanUp.push(() => proxy.stop());
      const registry = await openRegistry(url, {
        unit,
        probe: { timeoutMs: 150 },
        policy: { ...POLICY, reprobeMs: 200 },
      });
      const one = await openAgent(place('one', unit), { url: proxy.url });
      await registry.waitFor(inState('one', 'online'));
      proxy.hold('to-broker');
      registry.report(one.address, 'unanswered');
      const lost = await registry.waitFor(inState('one', 'offline'));
      expect(lost.presence.source).toBe('probe');
      proxy.release();
      await registry.waitFor(inState('one', 'online'));
    });

    it('PS5: probe asks the agent itself, and a goodbye that was premature is corrected', async () => {
      const unit = randomUUID();
      const registry = await openRegistry(url, { unit });
      const one = await openAgent(place('one', unit), { url });
      await registry.waitFor(inState('one', 'online'));
      await expect(registry.probe(one.address)).resolves.toMatchObject({ state: 'online' });
      await expect(registry.probe(place('nobody', unit))).rejects.toMatchObject({ code: 'unknown-agent' });
    });

    it('an agent that said until when it sleeps is asleep, and awake when it is back', async () => {
      const unit = randomUUID();
      const card = { ...baseCard, capabilities: { extensions: [sleepExtension({ wakesEverySeconds: 60 })] } };
      const registry = await openRegistry(url, { unit, pollMs: 200 });
      const napper = await openAgent(place('napper', unit), { url, card });
      await registry.waitFor(inState('napper', 'online'));
      const until = new Date(Date.now() + 3_600_000).toISOString();
      await napper.publish(card, { ...status('offline', 'agent'), 'a2a-asleep-until': until });
      const asleep = await registry.waitFor(inState('napper', 'asleep'));
      expect(asleep.presence.until).toBe(until);
      await napper.link.close();
      await openAgent(place('napper', unit), { url, card });
      await registry.waitFor(inState('napper', 'online'));
    });

    it('watch follows a query: who enters, changes and leaves', async () => {
      const unit = randomUUID();
      const one = await openAgent(place('one', unit), { url });
      const registry = await openRegistry(url, { unit, pollMs: 200 });
      const seen: string[] = [];
      const stop = registry.watch({ tag: 'demo', presence: 'online' }, (event) =>
        seen.push(`${event.kind} ${event.agent.address.agentId}`),
      );
      await openAgent(place('two', unit), { url });
      await registry.waitFor(inState('two', 'online'));
      await one.publish({ ...baseCard, description: 'New' });
      await registry.waitFor(({ card }) => card.description === 'New');
      one.link.destroy();
      await registry.waitFor(inState('one', 'offline'));
      stop();
      // On EMQX the will is delivered as online, with the card of CONNECT time: one more change.
      const distinct = seen.filter((what, index) => what !== seen[index - 1]);
      expect(distinct).toEqual(['entered one', 'entered two', 'changed one', 'left one']);
    });

    it('registers a card and proves that the broker took it, and unregisters it', async () => {
      const address = place('own', randomUUID());
      const link = await openLink({ url, clientId: clientIdOf(address) });
      cleanUp.push(() => link.close());
      await registerCard(link, baseCard);
      const registry = await openRegistry(url, { unit: address.unit });
      expect(registry.get(address)?.card.name).toBe('Echo');
      await unregisterCard(link);
      await expect(registry.probe(address)).rejects.toMatchObject({ code: 'unknown-agent' });
    });

    it('refuses to publish what is no card, and names the field', async () => {
      const link = await openLink({ url, clientId: 'o/u/bad' });
      cleanUp.push(() => link.close());
      const { version: _, ...bad } = baseCard;
      const refused = registerCard(link, bad as AgentCard);
      await expect(refused).rejects.toMatchObject({ code: 'invalid-card' });
      await expect(refused).rejects.toThrow('version');
      const nameless = await openLink({ url, clientId: `x${randomUUID()}` });
      cleanUp.push(() => nameless.close());
      await expect(registerCard(nameless, baseCard)).rejects.toMatchObject({ code: 'not-owner' });
    });

    it.skipIf(kind === 'mosquitto')('tells when the broker did not take a card, silent or not', async () => {
      const link = await openLink({ url, clientId: 'o/u/someone-else' });
      cleanUp.push(() => link.close());
      const refused = registerCard(link, baseCard, { address: place('one', 'u'), timeoutMs: 300 });
      await expect(refused).rejects.toMatchObject({ code: 'registration-refused' });
      await expect(refused).rejects.toThrow('o/u/one');
    });

    it.skipIf(kind !== 'mosquitto')(
      'V14: an invalid card that the broker lets through is reported; good ones follow',
      async () => {
        const unit = randomUUID();
        const registry = await openRegistry(url, { unit });
        const invalid = new Promise((resolve) => registry.on('invalid', resolve));
        const bad = await openAgent(place('bad', unit), { url });
        await bad.publish('{nope');
        await openAgent(place('good', unit), { url });
        await expect(invalid).resolves.toMatchObject({ address: { agentId: 'bad' } });
        await registry.waitFor(inState('good', 'online'));
      },
    );

    it('waitFor ends: in time, on abort, and when the registry stops', async () => {
      const registry = await openRegistry(url, { unit: randomUUID() });
      await expect(registry.waitFor(() => true, { timeoutMs: 10 })).rejects.toMatchObject({
        code: 'wait-timeout',
      });
      const stop = new AbortController();
      const aborted = registry.waitFor(() => true, { signal: stop.signal });
      stop.abort();
      await expect(aborted).rejects.toMatchObject({ code: 'aborted' });
      const stopped = registry.waitFor(() => true);
      await Promise.all([registry.stop(), expect(stopped).rejects.toMatchObject({ code: 'stopped' })]);
    });

    it('a listener that throws disturbs nobody', async () => {
      const unit = randomUUID();
      const registry = await openRegistry(url, { unit });
      registry.on('registered', () => {
        throw new Error('mine');
      });
      await openAgent(place('a', unit), { url });
      await expect(registry.waitFor(() => true)).resolves.toMatchObject({ card: { name: 'Echo' } });
    });
  });

  describe.skipIf(skip)(`when ${name} restarts and forgets everything`, () => {
    it('nobody who comes back is ever offline, and who does not is unregistered', async () => {
      const broker = await start();
      cleanUp.push(() => broker.stop());
      const { url } = broker;
      const stays = await openAgent({ org: 'o', unit: 'u', agentId: 'stays' }, { url });
      const goes = await openAgent({ org: 'o', unit: 'u', agentId: 'goes' }, { url });
      stays.link.on('online', ({ reconnect }) => {
        if (reconnect) void stays.publish();
      });
      const registry = await openRegistry(url);
      expect(registry.find({ presence: 'online' })).toHaveLength(2);
      const states: string[] = [];
      registry.on('presence', ({ agent }) => states.push(`${agent.address.agentId} ${agent.presence.state}`));
      goes.link.destroy();
      const gone = new Promise((resolve) => registry.on('unregistered', resolve));
      await broker.restart();
      await expect(gone).resolves.toMatchObject({ agent: { address: { agentId: 'goes' } } });
      expect(registry.get(stays.address)?.presence.state).toBe('online');
      expect(states).not.toContain('stays offline');
    });
  });
}

describe('on a broker that computes the status, through its REST API', () => {
  it('is polled there, and over MQTT when that fails', async () => {
    const broker = await startWithApi();
    cleanUp.push(() => broker.stop());
    const { url, apiUrl } = broker;
    const real = createEmqxApi({ url: apiUrl, apiKey: { key: 'k', secret: 's' } });
    let asked = 0;
    let works = true;
    const list: typeof real.list = (query) => {
      asked += 1;
      return works ? real.list(query) : Promise.reject(new Error('down'));
    };
    const one = await openAgent({ org: 'o', unit: 'u', agentId: 'one' }, { url });
    const registry = await openRegistry(url, { api: { ...real, list }, pollMs: 50 });
    await one.link.close();
    await registry.waitFor(inState('one', 'offline'));
    expect(asked).toBeGreaterThan(0);
    works = false;
    const two = await openAgent({ org: 'o', unit: 'u', agentId: 'two' }, { url });
    await registry.waitFor(inState('two', 'online'));
    two.link.destroy();
    await registry.waitFor(inState('two', 'offline'));
  });

  it('an administrator registers, reads and deletes the card of any agent, and switches the registry', async () => {
    const broker = await startWithApi();
    cleanUp.push(() => broker.stop());
    const api = createEmqxApi({ url: broker.apiUrl, apiKey: { key: 'k', secret: 's' } });
    const address = { org: 'o', unit: 'u', agentId: 'elsewhere' };
    await expect(api.get(address)).rejects.toMatchObject({ code: 'api-not-found', status: 404 });
    const { version: _, ...bad } = baseCard;
    await expect(api.register(address, bad)).rejects.toMatchObject({ code: 'api-refused', status: 400 });
    await api.register(address, baseCard);
    await expect(api.get(address)).resolves.toMatchObject({
      address,
      status: 'offline',
      namespace: undefined,
    });
    await expect(api.list({ org: 'o' })).resolves.toHaveLength(1);
    await expect(api.list({ org: 'other' })).resolves.toEqual([]);
    const registry = await openRegistry(broker.url, { api, pollMs: 50 });
    expect(registry.get(address)?.presence.state).toBe('offline');
    const gone = new Promise((resolve) => registry.on('unregistered', resolve));
    await api.unregister(address);
    await api.unregister(address);
    await gone;
    await expect(api.config()).resolves.toEqual({ enable: true, validateSchema: true });
    await api.configure({ enable: false, validateSchema: true });
    await expect(api.list()).rejects.toMatchObject({ code: 'registry-disabled' });
    const stranger = createEmqxApi({ url: broker.apiUrl, apiKey: { key: 'k', secret: 'wrong' } });
    await expect(stranger.list()).rejects.toMatchObject({ code: 'api-unauthorized' });
  });
});

describe.skipIf(BROKERS.mosquitto.skip)('on Mosquitto with its default queues', () => {
  it('misses none of 2 000 cards, although it drops what exceeds 1 020 at QoS 1', async () => {
    const broker = await startMosquitto({ maxQueuedMessages: 1_000 });
    cleanUp.push(() => broker.stop());
    const publisher = await openLink({ url: broker.url, clientId: 'publisher' });
    cleanUp.push(() => publisher.close());
    const cards = Array.from({ length: 2_000 }, (_, i) =>
      discoveryTopic({ org: 'o', unit: 'u', agentId: `a${i}` }),
    );
    await Promise.all(
      cards.map((topic) =>
        publisher.publish(topic, JSON.stringify(baseCard), {
          retain: true,
          userProperties: status('online', 'agent'),
        }),
      ),
    );
    const registry = await openRegistry(broker.url);
    expect(registry.agents()).toHaveLength(2_000);
  });
});

function status(value: string, source: string): UserProperties {
  return { 'a2a-status': value, 'a2a-status-source': source };
}
