import { createBroker } from '@shoal/broker';
import type { Link, UserProperties } from '@shoal/mqtt-link';
import { openLink } from '@shoal/mqtt-link';
import { mosquittoPath, startMosquitto } from '@shoal/mqtt-link/testing';
import { discoveryTopic } from '@shoal/protocol';
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RegisteredAgent, Registry } from './index.ts';
import { createRegistry } from './index.ts';

interface Running {
  readonly url: string;
  stop(): Promise<void>;
}

async function embedded(): Promise<Running> {
  const broker = createBroker({ allowAnonymous: true });
  const { tcp } = await broker.start();
  if (tcp === undefined) throw new Error('the broker does not listen');
  return { url: tcp.url, stop: () => broker.stop() };
}

const brokers = [
  { name: 'the embedded broker', start: embedded, skip: false, refusesBadCards: true },
  {
    name: 'Mosquitto',
    start: (): Promise<Running> => startMosquitto(),
    skip: mosquittoPath() === undefined,
    refusesBadCards: false,
  },
];

const card = (description = 'Says it again'): string =>
  JSON.stringify({
    name: 'Echo',
    description,
    version: '1.0.0',
    supportedInterfaces: [{ url: 'mqtt://b', protocolBinding: 'MQTTv5+JSONRPCv2', protocolVersion: '1.0' }],
    capabilities: {},
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills: [{ id: 'echo', name: 'Echo', description: 'Repeats', tags: ['demo'] }],
  });

for (const { name, start, skip, refusesBadCards } of brokers) {
  describe.skipIf(skip)(`on ${name}${skip ? ' (not installed)' : ''}`, () => {
    let running: Running;
    const cleanUp: (() => Promise<unknown>)[] = [];

    beforeAll(async () => {
      running = await start();
    });
    afterAll(() => running.stop());
    afterEach(async () => {
      for (const work of cleanUp.splice(0).toReversed()) await work();
    });

    async function link(clientId: string, will?: string): Promise<Link> {
      const options =
        will === undefined
          ? {}
          : {
              will: { topic: will, payload: card(), retain: true, userProperties: status('offline', 'lwt') },
            };
      const opened = await openLink({ url: running.url, clientId, ...options });
      cleanUp.push(() => opened.close());
      return opened;
    }

    async function agent(unit: string, agentId: string) {
      const topic = discoveryTopic({ org: 'o', unit, agentId });
      const own = await link(`o/${unit}/${agentId}`, topic);
      const say = (payload: string, properties: UserProperties = status('online', 'agent')) =>
        own.publish(topic, payload, { retain: true, userProperties: properties });
      return { own, say, address: { org: 'o', unit, agentId } };
    }

    async function registry(unit: string): Promise<Registry> {
      const made = createRegistry({ link: await link(`watcher-${randomUUID()}`), org: 'o', unit });
      cleanUp.push(() => made.stop());
      await made.start();
      return made;
    }

    it('V01: knows the cards that were there before, once start resolves', async () => {
      const unit = randomUUID();
      for (const id of ['a', 'b', 'c']) await (await agent(unit, id)).say(card());
      const watching = await registry(unit);
      expect(watching.agents().map(({ address }) => address.agentId)).toEqual(['a', 'b', 'c']);
      expect(watching.find({ presence: 'online' })).toHaveLength(3);
    });

    it('V03 V07: follows a registration, a death and an unregistration', async () => {
      const unit = randomUUID();
      const watching = await registry(unit);
      const seen: string[] = [];
      for (const event of ['registered', 'updated', 'presence', 'unregistered', 'invalid'] as const) {
        watching.on(event, () => seen.push(event));
      }
      const one = await agent(unit, 'one');
      await one.say(card());
      const isOne = ({ address }: RegisteredAgent): boolean => address.agentId === 'one';
      await watching.waitFor((found) => isOne(found) && found.presence.state === 'online');
      one.own.destroy();
      await watching.waitFor((found) => isOne(found) && found.presence.state === 'offline');
      const heir = await agent(unit, 'one');
      await heir.say(card('Changed'));
      await watching.waitFor(
        (found) => isOne(found) && found.card.description === 'Changed' && found.presence.state === 'online',
      );
      const gone = new Promise((resolve) => watching.on('unregistered', resolve));
      await heir.say('', {});
      await gone;
      expect(watching.agents()).toEqual([]);
      expect(seen).toContain('presence');
      expect(seen.at(-1)).toBe('unregistered');
    });

    it('waitFor ends: in time, on abort, and when the registry stops', async () => {
      const watching = await registry(randomUUID());
      await expect(watching.waitFor(() => true, { timeoutMs: 10 })).rejects.toMatchObject({
        code: 'wait-timeout',
      });
      const stop = new AbortController();
      const aborted = watching.waitFor(() => true, { signal: stop.signal });
      stop.abort();
      await expect(aborted).rejects.toMatchObject({ code: 'aborted' });
      const stopped = watching.waitFor(() => true);
      await Promise.all([watching.stop(), expect(stopped).rejects.toMatchObject({ code: 'stopped' })]);
    });

    it('a listener that throws disturbs nobody', async () => {
      const unit = randomUUID();
      const watching = await registry(unit);
      watching.on('registered', () => {
        throw new Error('mine');
      });
      await (await agent(unit, 'a')).say(card());
      await expect(watching.waitFor(() => true)).resolves.toMatchObject({ card: { name: 'Echo' } });
    });

    it.skipIf(refusesBadCards)(
      'V14: an invalid card that the broker lets through is reported; good ones follow',
      async () => {
        const unit = randomUUID();
        const watching = await registry(unit);
        const invalid = new Promise((resolve) => watching.on('invalid', resolve));
        await (await agent(unit, 'bad')).say('{nope');
        await (await agent(unit, 'good')).say(card());
        await expect(invalid).resolves.toMatchObject({ address: { agentId: 'bad' } });
        await expect(watching.waitFor(() => true)).resolves.toMatchObject({ address: { agentId: 'good' } });
      },
    );
  });
}

function status(value: string, source: string): UserProperties {
  return { 'a2a-status': value, 'a2a-status-source': source };
}
