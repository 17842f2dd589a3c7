import type { AgentAddress, Presence } from '@shoal/protocol';
import {
  USER_PROPERTIES,
  clientIdOf,
  discoveryTopic,
  parseA2aTopic,
  parseJson,
  readPresence,
  userProperty,
  validateAgentCard,
} from '@shoal/protocol';
import type { Violation } from '@shoal/protocol';
import { AgentLookup, narrows } from './agent-lookup.ts';
import { createEntry, withPresence, type Entry } from './entry.ts';
import { judge } from './judge-presence.ts';
import type { Evidence, PresencePolicy } from './presence.ts';
import { DEFAULT_PRESENCE_POLICY } from './presence.ts';
import { matchesQuery } from './query.ts';
import { readSleepSchedule } from './sleep-schedule.ts';
import type { AgentQuery } from './query.ts';
import type { DiscoveryMessage, RegisteredAgent, RegistryChange } from './registered-agent.ts';

export interface RegistryIndexOptions {
  readonly policy?: Partial<PresencePolicy>;
  /** Whether the owner carries out what `dueProbes` asks for. Default false. */
  readonly canProbe?: boolean;
}

/** What is known of the agents, from discovery messages and what else is told. Times are of the wall clock, in milliseconds. */
export class RegistryIndex {
  readonly #entries = new Map<string, Entry>();
  /** Made for the first search: many a registry is never searched, or only once it is full. */
  #lookup: AgentLookup | undefined;
  /** Those with a deadline or a probe to come. */
  readonly #pending = new Set<Entry>();
  readonly #policy: PresencePolicy;
  #canProbe: boolean;
  #graceUntilMs = 0;
  #dueMs: number | undefined;
  #messages = 0;
  #order = 0;

  constructor(options: RegistryIndexOptions = {}) {
    this.#policy = { ...DEFAULT_PRESENCE_POLICY, ...options.policy };
    this.#canProbe = options.canProbe ?? false;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Counts the messages taken in; see `retain`. */
  get messages(): number {
    return this.#messages;
  }

  /** When `tick` or `dueProbes` has something to do without news. */
  get dueMs(): number | undefined {
    return this.#dueMs;
  }

  get(address: AgentAddress): RegisteredAgent | undefined {
    return this.#entries.get(clientIdOf(address))?.agent;
  }

  /** In the order in which they were first seen. */
  *agents(): Generator<RegisteredAgent> {
    for (const { agent } of this.#entries.values()) yield agent;
  }

  find(query: AgentQuery): RegisteredAgent[] {
    const keys = narrows(query) ? this.#lookedUp().candidates(query) : undefined;
    if (keys === undefined) return [...this.agents()].filter((agent) => matchesQuery(agent, query));
    const found: Entry[] = [];
    for (const key of keys) {
      const entry = this.#entries.get(key);
      if (entry !== undefined && matchesQuery(entry.agent, query)) found.push(entry);
    }
    return found.sort((a, b) => a.order - b.order).map(({ agent }) => agent);
  }

  /** Takes one message in and says what it changed; nothing when it says what was known. */
  apply(message: DiscoveryMessage, nowMs: number): RegistryChange[] {
    this.#messages += 1;
    const topic = parseA2aTopic(message.topic);
    if (topic?.kind !== 'discovery') {
      return [
        invalid(message.topic, undefined, [{ field: '', message: 'the topic is not a discovery topic' }]),
      ];
    }
    const key = message.topic.slice(DISCOVERY_PREFIX_LENGTH);
    const known = this.#entries.get(key);
    if (known !== undefined) known.seen = this.#messages;
    const presence = readPresence(message.userProperties, message.payload.length);
    if (presence.status === 'unregistered') return this.#remove(key, known);
    const evidence = evidenceOf(message, presence, presence.status);
    if (known !== undefined && sameBytes(known.payload, message.payload))
      return this.#judge(known, evidence, nowMs);

    const card = readCard(message.payload);
    if (!card.ok) {
      const bad = invalid(message.topic, topic.address, card.violations);
      return known === undefined ? [bad] : [bad, ...this.#judge(known, evidence, nowMs)];
    }
    if (known === undefined) {
      const memory = judge(undefined, evidence, {
        nowMs,
        policy: this.#policy,
        sleep: presence.status === 'offline' ? readSleepSchedule(card.value)?.schedule : undefined,
        canProbe: this.#canProbe,
      });
      const entry = createEntry({
        address: topic.address,
        card: card.value,
        payload: message.payload,
        memory,
        seen: this.#messages,
        order: (this.#order += 1),
      });
      this.#entries.set(key, entry);
      this.#lookup?.add(key, topic.address, card.value);
      this.#schedule(entry);
      return [{ kind: 'registered', agent: entry.agent }];
    }
    // A will holds the card of CONNECT time: it tells that the agent is gone, not what its card says (vector V06).
    if (presence.status === 'offline') return this.#judge(known, evidence, nowMs);
    return this.#replace(
      key,
      known,
      { ...known, card: card.value, payload: message.payload },
      evidence,
      nowMs,
    );
  }

  /** Tells what was learnt of an agent in another way than by its card. Nothing for one that is not registered. */
  observe(
    address: AgentAddress,
    evidence: Extract<Evidence, { kind: 'reply' | 'unanswered' | 'probe' }>,
    nowMs: number,
  ): RegistryChange[] {
    const known = this.#entries.get(clientIdOf(address));
    return known === undefined ? [] : this.#judge(known, evidence, nowMs);
  }

  /**
   * Forgets agents that a complete snapshot does not hold: they were unregistered while we were away, or the broker lost them with a
   * restart, which gives them until the end of the grace. Spares those that were heard of after message number `since`, when the
   * snapshot began.
   */
  retain(topics: ReadonlySet<string>, since: number, nowMs: number): RegistryChange[] {
    const changes: RegistryChange[] = [];
    for (const [key, entry] of this.#entries) {
      if (entry.seen > since || topics.has(discoveryTopic(entry.agent.address))) continue;
      changes.push(
        ...(nowMs < this.#graceUntilMs
          ? this.#judge(entry, { kind: 'missing' }, nowMs)
          : this.#remove(key, entry)),
      );
    }
    return changes;
  }

  /** The broker may have restarted: nobody becomes offline before then. */
  grace(untilMs: number): void {
    this.#graceUntilMs = untilMs;
  }

  get policy(): PresencePolicy {
    return this.#policy;
  }

  get canProbe(): boolean {
    return this.#canProbe;
  }

  stopProbing(): void {
    this.#canProbe = false;
  }

  /** What the passing of time changes. */
  tick(nowMs: number): RegistryChange[] {
    const changes: RegistryChange[] = [];
    for (const entry of this.#pending) {
      const { deadlineMs } = entry.memory;
      if (deadlineMs === undefined || nowMs < deadlineMs) continue;
      changes.push(...this.#judge(entry, { kind: 'time' }, nowMs));
      const { state, source } = entry.memory;
      if (state === 'offline' && source === 'snapshot')
        changes.push(...this.#remove(clientIdOf(entry.agent.address), entry));
    }
    this.#rewind();
    return changes;
  }

  /** Agents to probe now; each is named once until its probe is observed. */
  dueProbes(nowMs: number): AgentAddress[] {
    const due: AgentAddress[] = [];
    for (const entry of this.#pending) {
      const { probeAtMs } = entry.memory;
      if (probeAtMs === undefined || nowMs < probeAtMs) continue;
      entry.memory = { ...entry.memory, probeAtMs: undefined };
      this.#schedule(entry);
      due.push(entry.agent.address);
    }
    this.#rewind();
    return due;
  }

  #lookedUp(): AgentLookup {
    if (this.#lookup !== undefined) return this.#lookup;
    const lookup = new AgentLookup();
    for (const [key, { agent }] of this.#entries) lookup.add(key, agent.address, agent.card);
    this.#lookup = lookup;
    return lookup;
  }

  #replace(key: string, known: Entry, next: Entry, evidence: Evidence, nowMs: number): RegistryChange[] {
    const previous = known.agent;
    this.#lookup?.remove(key, previous.address, previous.card);
    const fresh = createEntry({ ...next, address: previous.address });
    Object.assign(known, fresh);
    this.#lookup?.add(key, previous.address, known.agent.card);
    const presenceChange = this.#judge(known, evidence, nowMs);
    return [{ kind: 'updated', agent: known.agent, previous }, ...presenceChange];
  }

  #remove(key: string, known: Entry | undefined): RegistryChange[] {
    if (known === undefined) return [];
    this.#entries.delete(key);
    this.#pending.delete(known);
    this.#lookup?.remove(key, known.agent.address, known.agent.card);
    return [{ kind: 'unregistered', agent: known.agent }];
  }

  #judge(entry: Entry, evidence: Evidence, nowMs: number): RegistryChange[] {
    const memory = judge(entry.memory, evidence, {
      nowMs,
      policy: this.#policy,
      sleep: entry.sleep(),
      graceUntilMs: this.#graceUntilMs,
      canProbe: this.#canProbe,
    });
    if (memory === entry.memory) return [];
    const previous = entry.agent.presence;
    withPresence(entry, memory);
    this.#schedule(entry);
    return previous.state === memory.state ? [] : [{ kind: 'presence', agent: entry.agent, previous }];
  }

  #schedule(entry: Entry): void {
    const { deadlineMs, probeAtMs } = entry.memory;
    const dueMs = Math.min(deadlineMs ?? Number.POSITIVE_INFINITY, probeAtMs ?? Number.POSITIVE_INFINITY);
    if (dueMs === Number.POSITIVE_INFINITY) {
      this.#pending.delete(entry);
      return;
    }
    this.#pending.add(entry);
    if (this.#dueMs === undefined || dueMs < this.#dueMs) this.#dueMs = dueMs;
  }

  #rewind(): void {
    this.#dueMs = undefined;
    for (const entry of this.#pending) this.#schedule(entry);
  }
}

const DISCOVERY_PREFIX_LENGTH = '$a2a/v1/discovery/'.length;

function evidenceOf(
  message: DiscoveryMessage,
  { source, authority }: Presence,
  status: 'online' | 'offline' | 'unknown',
): Evidence {
  const asleepUntil = userProperty(message.userProperties, USER_PROPERTIES.asleepUntil);
  const asleepUntilMs = asleepUntil === undefined ? Number.NaN : Date.parse(asleepUntil);
  return {
    kind: 'status',
    status,
    source,
    authority,
    live: message.retain !== true,
    ...(Number.isNaN(asleepUntilMs) ? {} : { asleepUntilMs }),
  };
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
