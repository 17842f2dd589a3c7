import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Requester } from '@shoal/agent-sdk';
import { createRequester } from '@shoal/agent-sdk';
import type { Link, Logger } from '@shoal/mqtt-link';
import { openLink, silentLogger } from '@shoal/mqtt-link';
import { meterOf } from '@shoal/mqtt-link/tracing';
import type { AgentAddress } from '@shoal/protocol';
import { isIdentifier } from '@shoal/protocol';
import type { PresenceState, RegisteredAgent, Registry } from '@shoal/registry-client';
import { createRegistry } from '@shoal/registry-client';
import { baseUrlOf } from '../core/public-card.ts';
import type { Gateway, GatewayOptions } from './gateway-options.ts';
import { createApp } from './http-app.ts';

/** A door for HTTP clients to the agents of a broker. No I/O before `start`. Throws TypeError for options that cannot work. */
export function createGateway(options: GatewayOptions): Gateway {
  for (const name of ['org', 'unit'] as const)
    if (!isIdentifier(options[name])) throw new TypeError(`${name} must be letters, digits, '.', '_' or '-'`);
  if (options.publicUrl !== undefined && !/^https?:\/\/[^/?#]+([^?#]*[^/?#])?$/.test(options.publicUrl))
    throw new TypeError(
      'publicUrl must be an http or https URL without a query and without a slash at the end',
    );
  return new MqttGateway(options);
}

const PRESENCE_STATES: Readonly<Record<PresenceState, true>> = {
  online: true,
  suspect: true,
  asleep: true,
  offline: true,
  unknown: true,
};

class MqttGateway implements Gateway {
  readonly #options: GatewayOptions;
  readonly #logger: Logger;
  #link: Link | undefined;
  #registry: Registry | undefined;
  #requester: Requester | undefined;
  #server: Server | undefined;
  #url = '';
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
  }

  get url(): string {
    return this.#url;
  }

  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  stop({ graceMs = 10_000 }: { readonly graceMs?: number } = {}): Promise<void> {
    this.#stopping ??= this.#stop(graceMs);
    return this.#stopping;
  }

  async #start(): Promise<void> {
    const { url, org, unit, username, password, linkOptions, allowTokenOnLoopback } = this.#options;
    const agentId = this.#options.gatewayId ?? `gateway-${randomUUID().slice(0, 8)}`;
    const logger = this.#logger;
    const link = await openLink({
      ...linkOptions,
      url,
      clientId: `${org}/${unit}/${agentId}`,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      logger,
    });
    this.#link = link;
    // Rules of a unit do not let it read the cards of others.
    const own = this.#options.expose === undefined ? { unit } : {};
    this.#registry = createRegistry({ link, org, ...own, logger });
    await this.#registry.start();
    this.#requester = createRequester({
      link,
      address: { org, unit, agentId },
      directory: this.#registry,
      ...(allowTokenOnLoopback === undefined ? {} : { allowTokenOnLoopback }),
      logger,
    });
    this.#measure(this.#registry);
    await this.#listen();
  }

  #measure(registry: Registry): void {
    const agents = meterOf('@shoal/gateway')?.createObservableGauge('shoal.gateway.agents', {
      description: 'Registered agents by presence.',
    });
    agents?.addCallback((result) => {
      const count = new Map<string, number>();
      for (const { address, presence } of registry.agents())
        if (this.#shows(address)) count.set(presence.state, (count.get(presence.state) ?? 0) + 1);
      for (const state of Object.keys(PRESENCE_STATES))
        result.observe(count.get(state) ?? 0, { presence: state });
    });
  }

  async #listen(): Promise<void> {
    const { host = '127.0.0.1', port = 8080, publicUrl } = this.#options;
    const server = createServer((request, response) => void app(request, response));
    const app = createApp(this.#options, {
      requester: this.#requester as Requester,
      find: (address) => this.#find(address),
      list: () => (this.#registry?.agents() ?? []).filter(({ address }) => this.#shows(address)),
      baseOf: (address) => baseUrlOf(this.#url, address),
      callOptions: this.#options.callOptions ?? {},
      logger: this.#logger,
    });
    server.listen(port, host);
    await once(server, 'listening');
    this.#server = server;
    const bound = server.address() as AddressInfo;
    const shown = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
    this.#url = publicUrl ?? `http://${shown}:${bound.port}`;
    this.#logger.info('listening', { url: this.#url, host: bound.address, port: bound.port });
  }

  #find(address: AgentAddress): RegisteredAgent | undefined {
    return this.#shows(address) ? this.#registry?.get(address) : undefined;
  }

  #shows(address: AgentAddress): boolean {
    const { org, unit, agents, expose } = this.#options;
    if (expose !== undefined) return expose(address);
    const { agentId } = address;
    return address.org === org && address.unit === unit && (agents === undefined || agents.includes(agentId));
  }

  async #stop(graceMs: number): Promise<void> {
    await this.#starting?.catch(() => undefined);
    const server = this.#server;
    if (server?.listening === true) {
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(timer);
    }
    await this.#requester?.close();
    await this.#registry?.stop();
    await this.#link?.close();
  }
}
