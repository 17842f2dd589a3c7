import { readRetained, type Link } from '@shoal/mqtt-link';
import {
  parseJson,
  usageTopic,
  validateUsageRecord,
  type UsageRecord,
  type UsageScope,
} from '@shoal/protocol';
import { minus, NOTHING, plus, type Amount } from '../core/usage.ts';

export interface Scope {
  readonly scope: UsageScope;
  /** The UTC date, or the session id. */
  readonly scopeId: string;
}

/** Keeps what was used. Each agent adds to its own counters; a total is the sum over all agents. */
export interface Ledger {
  /** Resolves when it is kept. */
  add(scope: Scope, amount: Amount): Promise<void>;
  take(scope: Scope, amount: Amount): Promise<void>;
  totals(scope: Scope): Promise<{ readonly own: Amount; readonly all: Amount }>;
}

/** Counters of one process: lost with it, and blind to other agents. */
export function memoryLedger(): Ledger {
  const counters = new Counters(async () => NOTHING);
  const change = async (scope: Scope, by: (amount: Amount) => Amount): Promise<void> => {
    counters.put(scope, by(await counters.own(scope)));
  };
  return {
    add: (scope, amount) => change(scope, (own) => plus(own, amount)),
    take: (scope, amount) => change(scope, (own) => minus(own, amount)),
    async totals(scope) {
      const own = await counters.own(scope);
      return { own, all: own };
    },
  };
}

export interface RetainedLedgerOptions {
  readonly link: Link;
  readonly org: string;
  readonly unit: string;
  /** The one that writes under this id. Two processes with one id overwrite each other. */
  readonly agentId: string;
  /** Seconds after the last use until the broker forgets. Default: a day's counter 2 days, a session's 7 days. */
  readonly expirySeconds?: { readonly day?: number; readonly session?: number };
  /** Longest wait for the broker, in milliseconds. Default 5 000. */
  readonly timeoutMs?: number;
}

const DAY_SECONDS = 86_400;

/**
 * Counters in retained messages, one for each agent and scope, so that there is one writer for each: they outlive the agent, and sums are
 * the same for everyone who reads. Whoever writes first and reads then sees everyone who did the same before: together they
 * never pass a limit, at worst both stop just below it.
 */
export function retainedLedger(options: RetainedLedgerOptions): Ledger {
  const { link, org, unit, agentId, timeoutMs = 5_000 } = options;
  const topicOf = (scope: Scope): string => usageTopic({ org, unit, ...scope, agentId });
  const load = async (scope: Scope): Promise<Amount> => (await read(topicOf(scope))).own;
  const counters = new Counters(load);
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.then(work);
    turn = done.catch(() => {});
    return done;
  };
  async function read(filter: string): Promise<{ own: Amount; all: Amount }> {
    let own = NOTHING;
    let all = NOTHING;
    for (const message of (await readRetained(link, filter, { timeoutMs })).values()) {
      const record = readUsage(message.payload);
      if (record === undefined) continue;
      all = plus(all, record);
      if (record.agentId === agentId) own = record;
    }
    return { own, all };
  }
  const change = (scope: Scope, by: (amount: Amount) => Amount): Promise<void> =>
    inTurn(async () => {
      const { calls, tokens, costUsd } = by(await counters.own(scope));
      const next = { calls, tokens, costUsd };
      const record: UsageRecord = {
        schemaVersion: 1,
        agentId,
        ...scope,
        ...next,
        at: new Date().toISOString(),
      };
      const expiry = options.expirySeconds?.[scope.scope] ?? (scope.scope === 'day' ? 2 : 7) * DAY_SECONDS;
      await link.publish(topicOf(scope), JSON.stringify(record), {
        qos: 1,
        retain: true,
        contentType: 'application/json',
        payloadIsUtf8: true,
        messageExpirySeconds: expiry,
        ackTimeoutMs: timeoutMs,
      });
      counters.put(scope, next);
    });
  return {
    add: (scope, amount) => change(scope, (own) => plus(own, amount)),
    take: (scope, amount) => change(scope, (own) => minus(own, amount)),
    totals: (scope) => inTurn(() => read(usageTopic({ org, unit, ...scope }))),
  };
}

function readUsage(payload: Uint8Array): UsageRecord | undefined {
  const json = parseJson(payload);
  if (!json.ok) return undefined;
  const record = validateUsageRecord(json.value);
  return record.ok ? record.value : undefined;
}

const MAX_SCOPES = 64;

/** The own counters in memory: the newest scopes; an older one is loaded again. */
class Counters {
  readonly #load: (scope: Scope) => Promise<Amount>;
  readonly #known = new Map<string, Amount>();

  constructor(load: (scope: Scope) => Promise<Amount>) {
    this.#load = load;
  }

  async own(scope: Scope): Promise<Amount> {
    return this.#known.get(keyOf(scope)) ?? this.#load(scope);
  }

  put(scope: Scope, amount: Amount): void {
    const key = keyOf(scope);
    this.#known.delete(key);
    this.#known.set(key, amount);
    if (this.#known.size > MAX_SCOPES) this.#known.delete(this.#known.keys().next().value!);
  }
}

function keyOf({ scope, scopeId }: Scope): string {
  return `${scope}/${scopeId}`;
}
