import { equal, ok } from 'node:assert/strict';
import { discoveryTopic, type AgentAddress } from '@shoal/protocol';
import type { UserProperties } from 'mqtt-packet';
import type { SubscriberStage } from '../io/subscriber-stage.ts';
import type { Wire } from '../io/wire.ts';
import { offlineCard } from './requester-requests.ts';
import type { SubscriberScenario } from './scenario.ts';

const role = 'subscriber';

/** An agent of the kit that says what a scenario wants about itself. */
class Speaker {
  readonly address: AgentAddress;
  readonly #wire: Wire;

  constructor(wire: Wire, address: AgentAddress) {
    this.#wire = wire;
    this.address = address;
  }

  static async open(stage: SubscriberStage): Promise<Speaker> {
    const address = stage.address('agent');
    const { org, unit, agentId } = address;
    const open = (): Promise<Wire> => stage.wire({ name: agentId, clientId: `${org}/${unit}/${agentId}` });
    const speaker = new Speaker(await open(), address);
    stage.onEnd(async () => {
      const again = new Speaker(await open(), address);
      await again.say('', {});
    });
    return speaker;
  }

  leave(): Promise<void> {
    return this.#wire.close();
  }

  say(payload: string, userProperties: UserProperties): Promise<number> {
    return this.#wire.publish(discoveryTopic(this.address), payload, {
      retain: true,
      properties: { userProperties },
    });
  }

  card(status: string | undefined, source = 'agent', name?: string): Promise<number> {
    const card = offlineCard(this.address.agentId);
    const payload =
      name === undefined ? card : card.replace(`"name":"${this.address.agentId}"`, `"name":"${name}"`);
    return this.say(
      payload,
      status === undefined ? {} : { 'a2a-status': status, 'a2a-status-source': source },
    );
  }
}

const is =
  (...statuses: readonly string[]) =>
  ({ status }: { status: string }): boolean =>
    statuses.includes(status);

export const subscriberScenarios: readonly SubscriberScenario[] = [
  {
    id: 'DS1.scope',
    role,
    title: 'the subscription is scoped to the org, at least',
    requirements: ['DS1'],
    async run(stage) {
      const { tap } = await stage.subscriber();
      const filters = tap
        .sent('subscribe')
        .flatMap(({ subscriptions }) => subscriptions.map(({ topic }) => topic));
      const discovery = filters.filter((filter) => filter.startsWith('$a2a/v1/discovery/'));
      ok(
        discovery.every((filter) => filter.startsWith(`$a2a/v1/discovery/${stage.options.org}/`)),
        discovery.join(),
      );
    },
  },
  {
    id: 'DS2.current',
    role,
    title: 'a retained card from before counts as a registered agent, with its status',
    requirements: ['DS2', 'DS5', 'PS1'],
    async run(stage) {
      const agent = await Speaker.open(stage);
      await agent.card('online');
      const subscriber = await stage.subscriber();
      await subscriber.until(agent.address.agentId, is('online'), 'online');
    },
  },
  {
    id: 'DS3.replaced',
    role,
    title: 'a later card replaces the earlier one',
    requirements: ['DS3', 'PS1'],
    async run(stage) {
      const agent = await Speaker.open(stage);
      await agent.card('online');
      const subscriber = await stage.subscriber();
      await subscriber.until(agent.address.agentId, is('online'), 'online');
      await agent.card('online', 'agent', 'Renamed');
      await subscriber.until(agent.address.agentId, ({ name }) => name === 'Renamed', 'the new name');
    },
  },
  {
    id: 'V03.seen',
    role,
    title: 'an agent that left is seen as offline',
    requirements: ['DS5', 'PS1'],
    async run(stage) {
      const agent = await Speaker.open(stage);
      await agent.card('offline', 'lwt');
      // A broker that manages the status goes by the connection, and need not tell those who listen already.
      await agent.leave();
      const subscriber = await stage.subscriber();
      await subscriber.until(agent.address.agentId, is('offline', 'suspect'), 'offline');
    },
  },
  {
    id: 'V07.unregistered',
    role,
    title: 'an empty message unregisters the agent, whatever its properties say',
    requirements: ['DS2', 'PS4'],
    async run(stage) {
      for (const properties of [{}, { 'a2a-status': 'offline', 'a2a-status-source': 'lwt' }]) {
        const agent = await Speaker.open(stage);
        await agent.card('online');
        const subscriber = await stage.subscriber();
        await subscriber.until(agent.address.agentId, is('online'), 'online');
        await agent.say('', properties);
        await subscriber.until(agent.address.agentId, is('unregistered', 'offline'), 'unregistered');
      }
    },
  },
  {
    id: 'V11.source',
    role,
    title: 'an unknown source counts as the agent’s own word',
    requirements: ['DS5'],
    async run(stage) {
      const agent = await Speaker.open(stage);
      await agent.card('online', 'host-fallback');
      const subscriber = await stage.subscriber();
      await subscriber.until(agent.address.agentId, is('online'), 'online');
    },
  },
  {
    id: 'V14.malformed',
    role,
    title: 'a card that cannot be read harms nobody: others are seen, and the subscriber lives',
    requirements: ['DS2'],
    async run(stage) {
      const [broken, fine] = [await Speaker.open(stage), await Speaker.open(stage)];
      await broken.say('{nope', { 'a2a-status': 'online' });
      const subscriber = await stage.subscriber();
      await fine.card('online');
      await subscriber.until(fine.address.agentId, is('online'), 'online');
      equal(subscriber.subject.ended, undefined, 'the subscriber lives');
    },
  },
];
