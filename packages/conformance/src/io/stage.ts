import type { IPublishPacket } from 'mqtt-packet';
import type { AgentAddress } from '@shoal/protocol';
import { clientIdOf } from '@shoal/protocol';
import { Trace } from '../core/trace.ts';
import { Arrivals } from './arrivals.ts';
import { Client, type Observation } from './client.ts';
import { FakeResponder } from './fake-responder.ts';
import { Wire, type WireOptions } from './wire.ts';

export interface StageOptions {
  readonly url: string;
  readonly ca?: string;
  readonly org: string;
  readonly unit: string;
  /** How long to wait for anything that has to come. */
  readonly timeoutMs: number;
  /** How long to wait for something that must not come. */
  readonly quietMs: number;
}

/** Messages of a subscription, for scenarios that wait for one. */
export class Watcher {
  readonly #arrivals = new Arrivals<IPublishPacket>();
  readonly #timeoutMs: number;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  get seen(): readonly IPublishPacket[] {
    return this.#arrivals.items;
  }

  push(packet: IPublishPacket): void {
    this.#arrivals.push(packet);
  }

  async until(
    what: string,
    matches: (packet: IPublishPacket) => boolean = () => true,
    from = 0,
    timeoutMs = this.#timeoutMs,
  ): Promise<IPublishPacket> {
    const found = await this.#arrivals.find(matches, timeoutMs, from);
    if (found === undefined) throw new Error(`no ${what} within ${timeoutMs} ms`);
    return found;
  }

  tryUntil(
    matches: (packet: IPublishPacket) => boolean,
    timeoutMs: number,
    from = 0,
  ): Promise<IPublishPacket | undefined> {
    return this.#arrivals.find(matches, timeoutMs, from);
  }
}

/** What a scenario has: connections of the kit that are closed after it, and the trace of all packets. */
export class Stage {
  readonly options: StageOptions;
  readonly trace = new Trace();
  /** Texts that no trace may show. */
  readonly secrets: string[] = [];
  readonly #names: () => number;
  readonly #ending: (() => unknown)[] = [];

  /** `count` numbers the ids of a run, so that no two are equal. */
  constructor(options: StageOptions, count: () => number) {
    this.options = options;
    this.#names = count;
  }

  address(name: string): AgentAddress {
    const { org, unit } = this.options;
    return { org, unit, agentId: `${name}-${this.#names()}` };
  }

  onEnd(work: () => unknown): void {
    this.#ending.push(work);
  }

  async end(): Promise<void> {
    // What tidies up may open a connection of its own, which then is the next to be closed.
    for (let work = this.#ending.pop(); work !== undefined; work = this.#ending.pop()) {
      try {
        await work();
      } catch {
        // What cannot be tidied up, such as a card on a connection that the scenario cut, must not keep the rest from it.
      }
    }
  }

  async client(observe?: (observation: Observation) => void): Promise<Client> {
    const client = await Client.open({
      ...this.#connection('client'),
      address: this.address('kit'),
      timeoutMs: this.options.timeoutMs,
      ...(observe === undefined ? {} : { observe }),
    });
    this.onEnd(() => client.close());
    return client;
  }

  async fakeResponder(
    init: { readonly filter?: string; readonly address?: AgentAddress } = {},
  ): Promise<FakeResponder> {
    const responder = await FakeResponder.open({
      ...this.#connection('responder'),
      address: this.address('target'),
      timeoutMs: this.options.timeoutMs,
      ...init,
    });
    this.onEnd(() => responder.close());
    return responder;
  }

  /** A plain connection, by default with a client id of its own. */
  async wire(init: Partial<WireOptions> = {}): Promise<Wire> {
    const wire = await Wire.open({
      ...this.#connection(init.name ?? 'wire'),
      clientId: clientIdOf(this.address('kit')),
      ...init,
    });
    this.onEnd(() => wire.close());
    return wire;
  }

  async watch(filter: string): Promise<Watcher> {
    const wire = await this.wire({ name: 'watcher' });
    const watcher = new Watcher(this.options.timeoutMs);
    await wire.subscribe(filter, (packet) => watcher.push(packet));
    return watcher;
  }

  /** Waits for as long as something that must not come may take to come. */
  quiet(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, this.options.quietMs));
  }

  #connection(name: string) {
    const { url, ca } = this.options;
    return { url, trace: this.trace, name, ...(ca === undefined ? {} : { ca }) };
  }
}
