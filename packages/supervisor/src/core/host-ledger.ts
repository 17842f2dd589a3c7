import type { RefusalReason, SpawnOrderDocument } from '@shoal/protocol';
import { suits, weightOf, type Place } from './placement.ts';

export interface Refusal {
  readonly reason: RefusalReason;
  readonly message?: string;
}

interface Taken {
  orderId: string;
  readonly weight: number;
}

/** What a host has taken, by claim: one claim is started once, however often it is ordered. */
export class HostLedger {
  readonly #place: Omit<Place, 'id' | 'used'>;
  readonly #taken = new Map<string, Taken>();
  #used = 0;

  constructor(place: Omit<Place, 'id' | 'used'>) {
    this.#place = place;
  }

  get used(): number {
    return this.#used;
  }

  get capacity(): number {
    return this.#place.capacity;
  }

  runs(claimId: string): boolean {
    return this.#taken.has(claimId);
  }

  /** Undefined: it is taken, and its place with it. */
  admit(orderId: string, order: SpawnOrderDocument): Refusal | undefined {
    const { claimId, placement, blueprint } = order;
    const place = { id: '', used: this.#used, ...this.#place };
    const weight = weightOf(placement);
    if (place.blueprints?.includes(blueprint) === false)
      return { reason: 'blueprint', message: `this host does not start "${blueprint}"` };
    if (!suits({ labels: placement?.labels ?? {} }, place) && weight <= place.capacity)
      return { reason: 'labels', message: `this host has ${JSON.stringify(place.labels)}` };
    if (place.used + weight > place.capacity)
      return { reason: 'full', message: `${place.used} of ${place.capacity} places are taken` };
    this.#taken.set(claimId, { orderId, weight });
    this.#used += weight;
    return undefined;
  }

  /** The order was given again: events name it by its new id. */
  rename(claimId: string, orderId: string): void {
    const taken = this.#taken.get(claimId);
    if (taken !== undefined) taken.orderId = orderId;
  }

  /** The id of the order that it was started by; undefined when it is not there. */
  leave(claimId: string): string | undefined {
    const taken = this.#taken.get(claimId);
    if (taken === undefined) return undefined;
    this.#taken.delete(claimId);
    this.#used -= taken.weight;
    return taken.orderId;
  }
}
