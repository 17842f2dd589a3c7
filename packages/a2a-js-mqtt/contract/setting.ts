import { AgentCard } from '@a2a-js/sdk';
import type { Task } from '@a2a-js/sdk';
import { type Client, ClientFactory } from '@a2a-js/sdk/client';
import { InMemoryTaskStore, ServerCallContext } from '@a2a-js/sdk/server';
import { createBroker } from '@shoal/broker';
import { createRequester } from '@shoal/agent-sdk';
import { WireClient } from '@shoal/agent-sdk/testing';
import { openLink } from '@shoal/mqtt-link';
import { testBrokers } from '@shoal/mqtt-link/testing';
import type { AgentAddress } from '@shoal/protocol';
import { randomUUID } from 'node:crypto';
import type { A2aMqttServerOptions } from '../src/index.ts';
import { createMqttServer, mqttCardResolver, mqttTransports } from '../src/index.ts';
import { ScriptedExecutor } from './scripted-executor.ts';

export { textRequest as request } from '../src/testing.ts';

export const BROKERS = testBrokers(createBroker);

export const CARD: AgentCard = AgentCard.fromJSON({
  name: 'Scripted',
  description: 'Does as it is told',
  version: '1.0.0',
  supportedInterfaces: [{ url: 'http://elsewhere', protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
  capabilities: { streaming: true, extensions: [{ uri: 'urn:test:extension' }] },
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  skills: [{ id: 'obey', name: 'Obey', description: 'Does as it is told', tags: ['test'] }],
});

/** An agent of the official SDK on a broker, the official client for it, and a client that only knows the wire. */
export class Setting {
  readonly executor = new ScriptedExecutor();
  readonly store = new InMemoryTaskStore();
  readonly unit = randomUUID();
  readonly agent: AgentAddress = { org: 'o', unit: this.unit, agentId: 'agent' };
  readonly url: string;
  stopServing: () => Promise<void> = () => Promise.resolve();
  readonly #cleanUp: (() => Promise<unknown>)[] = [];

  constructor(url: string) {
    this.url = url;
  }

  async serve(options: Partial<A2aMqttServerOptions> = {}): Promise<void> {
    const { executor, store, url, agent } = this;
    const server = createMqttServer({ url, ...agent, card: CARD, executor, taskStore: store, ...options });
    this.stopServing = () => server.stop({ graceMs: 0 });
    this.#cleanUp.push(this.stopServing);
    await server.start();
  }

  async client(): Promise<Client> {
    const address = { org: 'o', unit: this.unit, agentId: `caller-${randomUUID()}` };
    const link = await openLink({ url: this.url, clientId: `o/${this.unit}/${address.agentId}` });
    this.#cleanUp.push(() => link.close());
    const requester = createRequester({
      link,
      address,
      retry: { firstReplyTimeoutMs: 2_000, maxAttempts: 1 },
    });
    const factory = new ClientFactory({
      transports: mqttTransports({ requester }),
      cardResolver: mqttCardResolver(link),
    });
    return factory.createFromUrl(`mqtt://any/o/${this.unit}/agent`);
  }

  async wire(): Promise<WireClient> {
    const client = await WireClient.open(this.url, {
      org: 'o',
      unit: this.unit,
      agentId: `wire-${randomUUID()}`,
    });
    this.#cleanUp.push(() => client.close());
    return client;
  }

  /** What the agent's own store holds. */
  stored(taskId: string): Promise<Task | undefined> {
    return this.store.load(taskId, new ServerCallContext());
  }

  async end(): Promise<void> {
    for (const work of this.#cleanUp.splice(0).toReversed()) await work();
  }
}

/** As JSON on the wire. */
export function said(text: string, ids: { taskId?: string; messageId?: string; contextId?: string } = {}) {
  const { taskId = randomUUID(), messageId = randomUUID(), contextId } = ids;
  return {
    message: {
      messageId,
      role: 'ROLE_USER',
      parts: [{ text }],
      taskId,
      ...(contextId === undefined ? {} : { contextId }),
    },
  };
}
