import type { Client, TransportFactory } from '@a2a-js/sdk/client';
import { ClientFactory, JsonRpcTransportFactory, RestTransportFactory } from '@a2a-js/sdk/client';
import type { Agent, AgentOptions, TaskHandler } from '@shoal/agent-sdk';
import { createAgent } from '@shoal/agent-sdk';
import { createBroker } from '@shoal/broker';
import { testBrokers } from '@shoal/mqtt-link/testing';
import { randomUUID } from 'node:crypto';
import type { Gateway, GatewayOptions } from '../src/index.ts';
import { createGateway } from '../src/index.ts';

export { textRequest as request } from '@shoal/a2a-js-mqtt/testing';

export const BROKERS = testBrokers(createBroker);

export const BINDINGS: Readonly<Record<'JSONRPC' | 'HTTP+JSON', () => TransportFactory>> = {
  JSONRPC: () => new JsonRpcTransportFactory(),
  'HTTP+JSON': () => new RestTransportFactory(),
};

/** Does what the text of the message says. */
const obey: TaskHandler = async (task) => {
  const [verb = '', count = '1'] = task.text.split(' ');
  if (verb === 'count') {
    for (let n = 1; n <= Number(count); n += 1)
      await task.artifact({ name: `number ${n}`, parts: [{ text: String(n) }] });
    return undefined;
  }
  if (verb === 'hold') {
    await task.progress('holding');
    return new Promise((_resolve, reject) =>
      task.signal.addEventListener('abort', () => reject(new Error('canceled'))),
    );
  }
  if (verb === 'ask') {
    if (task.history.length === 1) return task.inputRequired('which one?');
    return `you chose ${task.text.slice(4)}`;
  }
  if (verb === 'fail') return task.fail('as told');
  return `you said: ${task.text}`;
};

/** A unit of its own on a broker: agents, gateways in front of them, and the official client. */
export class Network {
  readonly unit = `unit-${randomUUID()}`;
  readonly brokerUrl: string;
  readonly #cleanUp: (() => Promise<unknown>)[] = [];

  constructor(brokerUrl: string) {
    this.brokerUrl = brokerUrl;
  }

  onEnd(work: () => Promise<unknown>): void {
    this.#cleanUp.push(work);
  }

  async agent(options: Partial<AgentOptions> = {}): Promise<Agent> {
    const agent = createAgent({
      url: this.brokerUrl,
      org: 'acme',
      unit: this.unit,
      agentId: 'obedient',
      card: { name: 'Obedient', description: 'Does as it is told.' },
      handle: obey,
      ...options,
    });
    await agent.start();
    this.onEnd(() => agent.stop({ graceMs: 0 }));
    return agent;
  }

  async gateway(options: Partial<GatewayOptions> = {}): Promise<Gateway> {
    const gateway = createGateway({
      url: this.brokerUrl,
      org: 'acme',
      unit: this.unit,
      port: 0,
      allowTokenOnLoopback: true,
      ...options,
    });
    await gateway.start();
    this.onEnd(() => gateway.stop({ graceMs: 0 }));
    return gateway;
  }

  baseOf(gateway: Gateway, agentId = 'obedient'): string {
    return `${gateway.url}/acme/${this.unit}/${agentId}/`;
  }

  client(
    gateway: Gateway,
    binding: keyof typeof BINDINGS = 'JSONRPC',
    agentId = 'obedient',
  ): Promise<Client> {
    const factory = new ClientFactory({ transports: [BINDINGS[binding]()] });
    return factory.createFromUrl(this.baseOf(gateway, agentId));
  }

  async end(): Promise<void> {
    for (const work of this.#cleanUp.splice(0).toReversed()) await work();
  }
}
