import type { AgentAddress, AgentCard } from '@shoal/protocol';
import type { Finding } from './finding.ts';
import { describePresence } from './judge-presence.ts';
import { lintCard } from './lint-card.ts';
import type { AgentPresence, PresenceMemory } from './presence.ts';
import type { RegisteredAgent } from './registered-agent.ts';
import type { SleepSchedule } from './sleep-schedule.ts';
import { readSleepSchedule } from './sleep-schedule.ts';

/** One agent of a registry. */
export interface Entry {
  agent: RegisteredAgent;
  card: AgentCard;
  memory: PresenceMemory;
  /** To tell a repeated card from a new one without looking into it. */
  payload: Uint8Array;
  /** Number of the last message about it. */
  seen: number;
  readonly order: number;
  /** Read when it is needed: most agents are never away. */
  readonly sleep: () => SleepSchedule | undefined;
  readonly findings: () => readonly Finding[];
}

export function createEntry(init: {
  readonly address: AgentAddress;
  readonly card: AgentCard;
  readonly payload: Uint8Array;
  readonly memory: PresenceMemory;
  readonly seen: number;
  readonly order: number;
}): Entry {
  const { address, card, memory, seen, order } = init;
  const findings = once(() => lintCard(card, address));
  return {
    agent: view(address, card, findings, describePresence(memory)),
    card,
    memory,
    // What came from the socket is a view of its buffer, which would live as long as the entry.
    payload: new Uint8Array(init.payload),
    seen,
    order,
    sleep: once(() => readSleepSchedule(card)?.schedule),
    findings,
  };
}

/** Agents are values: a change of presence makes a new one. */
export function withPresence(entry: Entry, memory: PresenceMemory): void {
  entry.memory = memory;
  entry.agent = view(entry.agent.address, entry.card, entry.findings, describePresence(memory));
}

function view(
  address: AgentAddress,
  card: AgentCard,
  findings: () => readonly Finding[],
  presence: AgentPresence,
): RegisteredAgent {
  return {
    address,
    card,
    presence,
    get findings() {
      return findings();
    },
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
