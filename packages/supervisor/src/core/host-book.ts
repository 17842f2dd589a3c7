import type { HostRecord } from '@shoal/protocol';
import { suits, weightOf, type Needs, type Place } from './placement.ts';

interface KnownHost {
  readonly record: HostRecord;
  readonly seenMs: number;
}

/** An order that was given and has not come to an end, as far as is known. */
interface OpenOrder {
  /** Undefined until somebody has taken it. */
  readonly hostId: string | undefined;
  readonly weight: number;
}

/** How long a host that did not answer is passed over. */
const DOUBT_MS = 10_000;

/** What a supervisor knows of the hosts of its unit, and of its own orders there. Losing all of it does no harm. */
export class HostBook {
  readonly #hosts = new Map<string, KnownHost>();
  readonly #orders = new Map<string, OpenOrder>();
  readonly #doubts = new Map<string, number>();

  /**
   * A host's record, or undefined when it was removed. Returns the orders that it had taken and that nobody can say anything of any more:
   * it is lost, gone, or lives another life.
   */
  takeRecord(hostId: string, record: HostRecord | undefined, now: number): readonly string[] {
    const before = this.#hosts.get(hostId);
    if (record === undefined) this.#hosts.delete(hostId);
    else this.#hosts.set(hostId, { record, seenMs: now });
    const sameLife = before === undefined || before.record.incarnation === record?.incarnation;
    if (record !== undefined && sameLife && record.state !== 'lost') return [];
    return this.#ordersOf(hostId);
  }

  /** Nobody listened meanwhile: of all open orders the end may have been missed. */
  forgetOrders(): readonly string[] {
    const all = [...this.#orders.keys()];
    this.#orders.clear();
    return all;
  }

  open(orderId: string, hostId: string | undefined, weight: number): void {
    this.#orders.set(orderId, { hostId, weight });
  }

  close(orderId: string): void {
    this.#orders.delete(orderId);
  }

  /** It did not answer: for a while others are asked first. */
  doubt(hostId: string, now: number): void {
    this.#doubts.set(hostId, now + DOUBT_MS);
  }

  /** The hosts that take orders now. What is not yet in a host's own word is counted from the orders. */
  places(now: number): readonly Place[] {
    return [...this.#hosts.values()].flatMap(({ record, seenMs }) => {
      const { hostId, state, labels, capacity, running, blueprints, refreshSeconds } = record;
      if (state !== 'ready' || now > seenMs + 3_000 * refreshSeconds) return [];
      if (now < (this.#doubts.get(hostId) ?? 0)) return [];
      const used = Math.max(running, this.#weightOn(hostId));
      return [{ id: hostId, labels, capacity, used, ...(blueprints === undefined ? {} : { blueprints }) }];
    });
  }

  /** Weight of the orders that are on their way to whoever takes them. */
  get unplaced(): number {
    return this.#weightOn(undefined);
  }

  /** Any host will do: then the broker chooses one, and nobody has to know them all. */
  anyWillDo(needs: Needs, places: readonly Place[]): boolean {
    return places.every(
      (place) =>
        this.#hosts.get(place.id)?.record.shares === true &&
        suits(needs, place) &&
        place.used + weightOf(needs) <= place.capacity,
    );
  }

  #weightOn(hostId: string | undefined): number {
    let weight = 0;
    for (const order of this.#orders.values()) if (order.hostId === hostId) weight += order.weight;
    return weight;
  }

  #ordersOf(hostId: string): readonly string[] {
    const found = [...this.#orders].flatMap(([id, order]) => (order.hostId === hostId ? [id] : []));
    for (const id of found) this.#orders.delete(id);
    return found;
  }
}
