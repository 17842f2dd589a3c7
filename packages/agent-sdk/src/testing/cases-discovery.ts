import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import type { InboundMessage } from '@shoal/mqtt-link';
import { readRetained } from '@shoal/mqtt-link';
import type { AgentCard } from '@shoal/protocol';
import { discoveryTopic, readPresence, validateAgentCard } from '@shoal/protocol';
import { createAgent } from '../io/agent.ts';
import type { ContractCase, ContractSetting } from './contract-case.ts';

/** What a subscriber of one discovery topic hears, waiting for what a test wants to hear. */
class Watcher {
  readonly seen: InboundMessage[] = [];
  #notify: (() => void) | undefined;

  push(message: InboundMessage): void {
    this.seen.push(message);
    this.#notify?.();
  }

  async until(matches: (message: InboundMessage) => boolean): Promise<InboundMessage> {
    for (;;) {
      const found = this.seen.find(matches);
      if (found !== undefined) return found;
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('no such discovery message within 8 s')), 8_000);
        this.#notify = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  clear(): void {
    this.seen.length = 0;
  }
}

async function watch(setting: ContractSetting, topic: string): Promise<Watcher> {
  const client = await setting.client();
  const watcher = new Watcher();
  await client.link.subscribe(topic, (message) => watcher.push(message));
  return watcher;
}

/** What who looks now is shown, looking until it fits: a broker that manages presence (EMQX) need not push its changes. */
async function look(
  setting: ContractSetting,
  topic: string,
  matches: (message: InboundMessage) => boolean,
): Promise<InboundMessage> {
  const { link } = await setting.client();
  const giveUp = Date.now() + 8_000;
  for (;;) {
    const message = (await readRetained(link, topic)).get(topic);
    if (message !== undefined && matches(message)) return message;
    if (Date.now() > giveUp) throw new Error('no such card within 8 s');
  }
}

const presenceOf = (message: InboundMessage) => readPresence(message.userProperties, message.payload.length);
const is = (status: string) => (message: InboundMessage) => presenceOf(message).status === status;

export const discoveryCases: readonly ContractCase[] = [
  {
    id: 'V01 V14',
    title: 'a started agent has a retained, valid card that says online; a late subscriber gets it',
    async run(setting) {
      const { address } = await setting.agent();
      const watcher = await watch(setting, discoveryTopic(address));
      const message = await watcher.until(is('online'));
      equal(message.retain, true);
      const card = JSON.parse(message.text()) as AgentCard;
      ok(validateAgentCard(card).ok);
      equal(card.supportedInterfaces[0]?.protocolVersion, '1.0');
      for (const list of [card.skills, card.skills[0]?.tags, card.defaultInputModes])
        ok((list?.length ?? 0) > 0);
    },
  },
  {
    id: 'V02 V03 V05',
    title: 'a lost connection leaves the card as offline; the next connection of the agent says online again',
    async run(setting) {
      const first = await setting.agent();
      const watcher = await watch(setting, discoveryTopic(first.address));
      await watcher.until(is('online'));
      first.agent.link.destroy();
      const offline = await look(setting, discoveryTopic(first.address), is('offline'));
      ok(['lwt', 'broker'].includes(presenceOf(offline).source));
      ok(validateAgentCard(JSON.parse(offline.text())).ok);
      equal(offline.retain, true);
      const heir = createAgent({
        url: setting.url,
        ...first.address,
        card: { name: 'Heir', description: 'Again.' },
        handle: () => {},
      });
      await heir.start();
      setting.onEnd(() => heir.stop());
      await look(setting, discoveryTopic(first.address), is('online'));
    },
  },
  {
    id: 'V04',
    title: 'a graceful stop says offline by the agent itself before it disconnects, and sends no will',
    async run(setting) {
      const { agent, address } = await setting.agent();
      const watcher = await watch(setting, discoveryTopic(address));
      await watcher.until(is('online'));
      await agent.stop();
      const offline = await look(setting, discoveryTopic(address), is('offline'));
      ok(presenceOf(offline).source !== 'lwt');
    },
  },
  {
    id: 'V07 DP2',
    title: 'an agent that unregisters takes its card away: a late subscriber finds none',
    async run(setting) {
      const { agent, address } = await setting.agent();
      const topic = discoveryTopic(address);
      await look(setting, topic, is('online'));
      await agent.stop({ unregister: true });
      const { link } = await setting.client();
      equal((await readRetained(link, topic)).get(topic), undefined);
    },
  },
  {
    id: 'A15',
    title: 'an offline that lands while the agent is connected is answered with online',
    async run(setting) {
      const { agent, address } = await setting.agent();
      const watcher = await watch(setting, discoveryTopic(address));
      await watcher.until(is('online'));
      watcher.clear();
      await agent.link.publish(discoveryTopic(address), JSON.stringify(agent.card), {
        retain: true,
        userProperties: { 'a2a-status': 'offline', 'a2a-status-source': 'lwt' },
      });
      // A broker that manages presence never shows the offline, others show it and then the correction.
      await watcher.until(is('online'));
    },
  },
  {
    id: 'V06',
    title: 'updateCard publishes the whole new card',
    async run(setting) {
      const { agent, address } = await setting.agent();
      const watcher = await watch(setting, discoveryTopic(address));
      await watcher.until(is('online'));
      await agent.updateCard({ description: 'Changed.' });
      const message = await watcher.until(({ payload }) => Buffer.from(payload).includes('Changed.'));
      deepEqual(JSON.parse(message.text()), agent.card);
    },
  },
  {
    id: 'V15',
    title: 'ids that are not identifiers are refused before any packet, pool too',
    run(setting) {
      const build = (ids: { org?: string; unit?: string; agentId?: string }) =>
        createAgent({
          url: setting.url,
          org: 'o',
          unit: 'u',
          agentId: 'a',
          ...ids,
          card: { name: 'N', description: 'D' },
          handle: () => {},
        });
      for (const org of ['acme corp', 'a/b', '+', '', 'é'])
        throws(() => build({ org }), { code: 'invalid-identifier' });
      throws(() => build({ agentId: 'pool' }), { code: 'invalid-identifier' });
      build({ agentId: 'A.b_c-9' });
      return Promise.resolve();
    },
  },
];
