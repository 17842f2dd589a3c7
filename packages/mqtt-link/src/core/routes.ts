import { filterOfShare, isWildcard, matchTopic } from './topic.ts';

/** Whom a message is for. `target` unset: every handler of the group; set: only that one (a replay of retained messages). */
export interface Route<Group, Target> {
  readonly group: Group;
  readonly target: Target | undefined;
}

interface Entry<Group, Target> {
  readonly filter: string;
  /** The one route, as an array that `find` can hand out. */
  readonly routes: readonly [Route<Group, Target>];
}

const MAX_RETIRED = 256;
const MAX_PER_GROUP = 64;
const LAST_ID = 268_435_455;

/**
 * Finds the subscriptions that a message belongs to. Where the broker returns subscription identifiers (MQTT 5 §3.3.2.3.8) each
 * delivery goes exactly to the subscription it was made for, and overlapping filters never double a message. Without them,
 * every filter that matches gets it.
 *
 * Identifiers start at a random number: a session that outlives the process may return identifiers of its predecessor, which
 * must not be mistaken for ours. An identifier whose filter does not match the topic is ignored.
 */
export class Routes<Group, Target> {
  readonly #byId = new Map<number, Entry<Group, Target>>();
  readonly #idsOf = new Map<Group, number[]>();
  readonly #retired = new Set<number>();
  readonly #exact = new Map<string, Set<Group>>();
  readonly #wildcards = new Map<Group, string>();
  #nextId: number;

  constructor(firstId: number) {
    this.#nextId = firstId;
  }

  add(group: Group, filter: string): void {
    const pattern = filterOfShare(filter);
    if (isWildcard(pattern)) {
      this.#wildcards.set(group, pattern);
      return;
    }
    const groups = this.#exact.get(pattern);
    if (groups === undefined) this.#exact.set(pattern, new Set([group]));
    else groups.add(group);
  }

  delete(group: Group, filter: string): void {
    this.#wildcards.delete(group);
    const pattern = filterOfShare(filter);
    const groups = this.#exact.get(pattern);
    groups?.delete(group);
    if (groups?.size === 0) this.#exact.delete(pattern);
    for (const id of this.#idsOf.get(group) ?? []) {
      this.#byId.delete(id);
      this.#retire(id);
    }
    this.#idsOf.delete(group);
  }

  /** A subscription identifier for one SUBSCRIBE. Those of earlier ones stay known for what is still on its way. */
  issueId(group: Group, filter: string, target: Target | undefined): number {
    const id = this.#nextId;
    this.#nextId = id === LAST_ID ? 1 : id + 1;
    this.#byId.set(id, { filter, routes: [{ group, target }] });
    const ids = this.#idsOf.get(group) ?? [];
    ids.push(id);
    if (ids.length > MAX_PER_GROUP) this.#byId.delete(ids.shift()!);
    this.#idsOf.set(group, ids);
    return id;
  }

  /** The broker forgot the session: nothing is on its way under an old identifier. */
  forgetIds(): void {
    this.#byId.clear();
    this.#idsOf.clear();
    this.#retired.clear();
  }

  /** Undefined when no subscription of this process is known that it could be for; empty when it was closed. */
  find(
    topic: string,
    ids: number | readonly number[] | undefined,
  ): readonly Route<Group, Target>[] | undefined {
    if (ids === undefined) return this.#match(topic);
    if (typeof ids === 'number') return this.#named(topic, ids) ?? this.#unnamed(topic, [ids]);
    const found = ids.flatMap((id) => this.#named(topic, id) ?? []);
    return found.length > 0 ? found : this.#unnamed(topic, ids);
  }

  #named(topic: string, id: number): readonly Route<Group, Target>[] | undefined {
    const entry = this.#byId.get(id);
    return entry !== undefined && matchTopic(entry.filter, topic) ? entry.routes : undefined;
  }

  #unnamed(topic: string, ids: readonly number[]): readonly Route<Group, Target>[] | undefined {
    return ids.some((id) => this.#retired.has(id)) ? [] : this.#match(topic);
  }

  #match(topic: string): readonly Route<Group, Target>[] | undefined {
    const found: Route<Group, Target>[] = [];
    for (const group of this.#exact.get(topic) ?? []) found.push({ group, target: undefined });
    for (const [group, filter] of this.#wildcards) {
      if (matchTopic(filter, topic)) found.push({ group, target: undefined });
    }
    return found.length > 0 ? found : undefined;
  }

  #retire(id: number): void {
    this.#retired.add(id);
    if (this.#retired.size <= MAX_RETIRED) return;
    const [oldest] = this.#retired;
    this.#retired.delete(oldest!);
  }
}
