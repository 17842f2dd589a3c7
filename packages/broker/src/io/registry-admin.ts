import type { Engine } from '../core/engine.ts';
import type { NamespacedAddress } from '../core/registry/discovery-topic.ts';
import { findCards, type CardQuery, type RegisteredCard } from '../core/registry/directory.ts';
import { deleteCard, registerCard } from '../core/registry/manage.ts';
import type { Registry, RegistrySwitches, Rejection } from '../core/registry/registry.ts';

/** Where a card is. `namespace` unset: outside of any. */
export interface CardAddress {
  readonly org: string;
  readonly unit: string;
  readonly agentId: string;
  readonly namespace?: string;
}

/** The registry of a running broker, for the process that runs it. */
export interface RegistryAdmin {
  find(query?: CardQuery): RegisteredCard[];
  /**
   * Writes a card in the agent's name. Resolves when it is stored as durably as the store can, with the rule that it breaks, if any;
   * then nothing is written.
   */
  register(address: CardAddress, card: string | Buffer): Promise<Rejection | undefined>;
  /** Resolves also when there was none. */
  remove(address: CardAddress): Promise<void>;
  readonly switches: Readonly<RegistrySwitches>;
  /** Takes effect with the next message. */
  configure(changes: Partial<RegistrySwitches>): void;
}

export interface RegistryAdminOptions {
  readonly engine: Engine;
  readonly registry: Registry;
  readonly now: () => number;
  /** Resolves when what was done so far is stored. */
  readonly flush: () => Promise<void>;
  /** Gets keys and checks signatures before the card is judged. */
  readonly vet: ((payload: Buffer) => Promise<void>) | undefined;
}

const addressOf = ({ namespace, org, unit, agentId }: CardAddress): NamespacedAddress => ({
  namespace,
  org,
  unit,
  agentId,
});

export function createRegistryAdmin(options: RegistryAdminOptions): RegistryAdmin {
  const { engine, registry, now, flush, vet } = options;
  return {
    find: (query = {}) => engine.step(now(), (cx) => findCards(cx, query)),
    async register(address, card) {
      const payload = Buffer.from(card);
      await vet?.(payload);
      const rejection = engine.step(now(), (cx) => registerCard(cx, registry, addressOf(address), payload));
      if (rejection === undefined) await flush();
      return rejection;
    },
    async remove(address) {
      engine.step(now(), (cx) => deleteCard(cx, registry, addressOf(address)));
      await flush();
    },
    switches: registry.switches,
    configure: (changes) => void Object.assign(registry.switches, changes),
  };
}
