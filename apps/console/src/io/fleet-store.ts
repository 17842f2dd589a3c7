import { createRegistry, type RegisteredAgent, type Registry } from '@shoal/registry-client';
import type { Link } from '@shoal/mqtt-link';
import { agentRow, type AgentRow } from '../core/agent-row.ts';
import type { Scope } from '../core/scope.ts';
import { Signal } from './signal.ts';

export interface InvalidCard {
  readonly topic: string;
  readonly findings: readonly { readonly field: string; readonly message: string }[];
}

const MOST_INVALID = 200;

/** The agents of the unit as the registry knows them, and a row for each. */
export class FleetStore {
  readonly signal = new Signal();
  readonly registry: Registry;
  readonly #rows = new Map<string, AgentRow>();
  readonly #invalid = new Map<string, InvalidCard>();
  #list: readonly AgentRow[] | undefined;
  loaded = false;
  /** Why the cards could not be read, if so. */
  failure: string | undefined;

  constructor(link: Link, { org, unit }: Scope) {
    this.registry = createRegistry({ link, org, unit });
    const put = ({ agent }: { readonly agent: RegisteredAgent }): void => this.#put(agent);
    for (const kind of ['registered', 'updated', 'presence'] as const) this.registry.on(kind, put);
    this.registry.on('unregistered', ({ agent }) => {
      this.#rows.delete(keyOf(agent));
      this.#changed();
    });
    this.registry.on('invalid', ({ topic, violations }) => {
      if (this.#invalid.size >= MOST_INVALID && !this.#invalid.has(topic)) return;
      this.#invalid.set(topic, { topic, findings: violations });
      this.#changed();
    });
  }

  async start(): Promise<void> {
    try {
      await this.registry.start();
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
    }
    this.loaded = true;
    this.#changed();
  }

  rows(): readonly AgentRow[] {
    this.#list ??= [...this.#rows.values()];
    return this.#list;
  }

  invalidCards(): readonly InvalidCard[] {
    return [...this.#invalid.values()];
  }

  agent(key: string): RegisteredAgent | undefined {
    const [org = '', unit = '', agentId = ''] = key.split('/');
    return this.registry.get({ org, unit, agentId });
  }

  #put(agent: RegisteredAgent): void {
    const row = agentRow(agent);
    this.#rows.set(row.key, row);
    this.#invalid.delete(`$a2a/v1/discovery/${row.key}`);
    this.#changed();
  }

  #changed(): void {
    this.#list = undefined;
    this.signal.changed();
  }
}

function keyOf({ address }: RegisteredAgent): string {
  return `${address.org}/${address.unit}/${address.agentId}`;
}
