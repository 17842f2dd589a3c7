import type { AgentAddress, AgentCard, Presence, UserProperties, Violation } from '@shoal/protocol';
import {
  clientIdOf,
  discoveryTopic,
  parseA2aTopic,
  parseJson,
  readPresence,
  validateAgentCard,
} from '@shoal/protocol';
import { lintCard } from './lint-card.ts';
import type { Finding } from './lint-card.ts';
import { matchesQuery } from './query.ts';
import type { AgentQuery } from './query.ts';

export type PresenceState = 'online' | 'offline' | 'unknown';

export interface AgentPresence {
  /** Advisory: suspect, probe, then act (profile: Presence Subscriber 2). */
  readonly state: PresenceState;
  /** Who says so: `agent`, `lwt`, `broker`, or what else was sent. */
  readonly source: string;
  /** When this state was first seen here: ISO 8601, UTC. Not when it came about: a retained card does not tell. */
  readonly since: string;
}

export interface RegisteredAgent {
  readonly address: AgentAddress;
  readonly card: AgentCard;
  readonly presence: AgentPresence;
  /** What is odd about a card that can be used all the same. */
  readonly findings: readonly Finding[];
}

/** One discovery message, as far as a registry looks at it. */
export interface DiscoveryMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly userProperties: UserProperties;
}

export type RegistryChange =
  | { readonly kind: 'registered'; readonly agent: RegisteredAgent }
  | { readonly kind: 'updated'; readonly agent: RegisteredAgent; readonly previous: RegisteredAgent }
  | { readonly kind: 'presence'; readonly agent: RegisteredAgent; readonly previous: AgentPresence }
  | { readonly kind: 'unregistered'; readonly agent: RegisteredAgent }
  /** A card that cannot be used. The agent's last good card stays. */
  | {
      readonly kind: 'invalid';
      readonly topic: string;
      readonly address: AgentAddress | undefined;
      readonly violations: readonly Violation[];
    };

interface Entry {
  agent: RegisteredAgent;
  /** To tell a repeated card from a new one without looking into it. */
  payload: Uint8Array;
  /** Number of the last message about it. */
  seen: number;
}

/** What is known of the agents, from discovery messages alone. */
export class RegistryIndex {
  readonly #entries = new Map<string, Entry>();
  #messages = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** Counts the messages taken in; see `retain`. */
  get messages(): number {
    return this.#messages;
  }

  get(address: AgentAddress): RegisteredAgent | undefined {
    return this.#entries.get(clientIdOf(address))?.agent;
  }

  *agents(): Generator<RegisteredAgent> {
    for (const { agent } of this.#entries.values()) yield agent;
  }

  find(query: AgentQuery): RegisteredAgent[] {
    return [...this.agents()].filter((agent) => matchesQuery(agent, query));
  }

  /** Takes one message in and says what it changed; nothing when it says what was known. `at`: now, ISO 8601. */
  apply(message: DiscoveryMessage, at: string): RegistryChange[] {
    this.#messages += 1;
    const topic = parseA2aTopic(message.topic);
    if (topic?.kind !== 'discovery') {
      return [
        invalid(message.topic, undefined, [{ field: '', message: 'the topic is not a discovery topic' }]),
      ];
    }
    const key = clientIdOf(topic.address);
    const known = this.#entries.get(key);
    if (known !== undefined) known.seen = this.#messages;
    const presence = readPresence(message.userProperties, message.payload.length);
    if (presence.status === 'unregistered') return this.#remove(key, known);
    if (known !== undefined && sameBytes(known.payload, message.payload))
      return this.#setPresence(known, presence, at);

    const card = readCard(message.payload);
    if (!card.ok)
      return [
        invalid(message.topic, topic.address, card.violations),
        ...this.#presenceOfBadCard(known, presence, at),
      ];
    const findings = lintCard(card.value, topic.address);
    if (known === undefined)
      return this.#add(key, message, { address: topic.address, card: card.value, findings }, presence, at);
    return this.#replace(known, message, { card: card.value, findings }, presence, at);
  }

  /**
   * Forgets agents that a complete snapshot does not hold: they were unregistered while we were away. Spares those that were heard
   * of after message number `since`, when the snapshot began.
   */
  retain(topics: ReadonlySet<string>, since: number): RegistryChange[] {
    const changes: RegistryChange[] = [];
    for (const [key, entry] of this.#entries) {
      if (entry.seen <= since && !topics.has(discoveryTopic(entry.agent.address)))
        changes.push(...this.#remove(key, entry));
    }
    return changes;
  }

  #add(
    key: string,
    message: DiscoveryMessage,
    what: Pick<RegisteredAgent, 'address' | 'card' | 'findings'>,
    presence: Presence,
    at: string,
  ): RegistryChange[] {
    const agent: RegisteredAgent = {
      ...what,
      presence: { state: stateOf(presence), source: presence.source, since: at },
    };
    // The payload is a view of the socket's buffer, which would live as long as the entry.
    this.#entries.set(key, { agent, payload: new Uint8Array(message.payload), seen: this.#messages });
    return [{ kind: 'registered', agent }];
  }

  /** A will holds the card of CONNECT time: it tells that the agent is gone, not what its card says (vector V06). */
  #replace(
    known: Entry,
    message: DiscoveryMessage,
    what: Pick<RegisteredAgent, 'card' | 'findings'>,
    presence: Presence,
    at: string,
  ): RegistryChange[] {
    const previous = known.agent;
    if (presence.status === 'offline') return this.#setPresence(known, presence, at);
    known.payload = new Uint8Array(message.payload);
    known.agent = { ...previous, ...what };
    const presenceChange = this.#setPresence(known, presence, at);
    return [{ kind: 'updated', agent: known.agent, previous }, ...presenceChange];
  }

  #remove(key: string, known: Entry | undefined): RegistryChange[] {
    this.#entries.delete(key);
    return known === undefined ? [] : [{ kind: 'unregistered', agent: known.agent }];
  }

  #setPresence(entry: Entry, presence: Presence, at: string): RegistryChange[] {
    const previous = entry.agent.presence;
    const state = stateOf(presence);
    if (previous.state === state && previous.source === presence.source) return [];
    const since = previous.state === state ? previous.since : at;
    entry.agent = { ...entry.agent, presence: { state, source: presence.source, since } };
    return previous.state === state ? [] : [{ kind: 'presence', agent: entry.agent, previous }];
  }

  #presenceOfBadCard(known: Entry | undefined, presence: Presence, at: string): RegistryChange[] {
    return known === undefined ? [] : this.#setPresence(known, presence, at);
  }
}

function stateOf(presence: Presence): PresenceState {
  return presence.status === 'unregistered' ? 'offline' : presence.status;
}

function readCard(payload: Uint8Array) {
  const json = parseJson(payload);
  return json.ok ? validateAgentCard(json.value) : json;
}

function invalid(
  topic: string,
  address: AgentAddress | undefined,
  violations: readonly Violation[],
): Extract<RegistryChange, { kind: 'invalid' }> {
  return { kind: 'invalid', topic, address, violations };
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}
