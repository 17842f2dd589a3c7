/** A member's wish to take one request of its pool. The first one in the order of the claim topic has it (DESIGN rule 4). */
export interface Claim {
  readonly schemaVersion: 1;
  /** Names one attempt of one request: a digest of its reply path and payload. */
  readonly request: string;
  /** The task that it is about, in lower case; absent when it is about none. */
  readonly task?: string;
  readonly agentId: string;
}

/** A member that knows the task has this long to claim a request about it before others may. */
const OWNER_MS = 500;
/** A member without room lets the others go first. */
const BUSY_MS = 200;

/** Who has what, as far as this member has seen claims. Forgets the oldest beyond `limit`. */
export class ClaimBook {
  readonly #me: string;
  readonly #limit: number;
  readonly #winners = new Map<string, string>();
  readonly #owners = new Map<string, string>();

  constructor(me: string, limit = 10_000) {
    this.#me = me;
    this.#limit = limit;
  }

  /** Returns the winner of the claim's request: whoever claimed it first. */
  note({ request, task, agentId }: Claim): string {
    const known = this.#winners.get(request);
    if (known !== undefined) return known;
    this.#put(this.#winners, request, agentId);
    if (task !== undefined) this.#put(this.#owners, task, agentId);
    return agentId;
  }

  winnerOf(request: string): string | undefined {
    return this.#winners.get(request);
  }

  /** How long to let others go first. */
  patienceMs(task: string | undefined, hasRoom: boolean): number {
    const owner = task === undefined ? undefined : this.#owners.get(task);
    if (owner === this.#me) return 0;
    if (owner !== undefined) return OWNER_MS;
    return hasRoom ? 0 : BUSY_MS;
  }

  #put(map: Map<string, string>, key: string, value: string): void {
    map.delete(key);
    map.set(key, value);
    const [oldest] = map.keys();
    if (map.size > this.#limit && oldest !== undefined) map.delete(oldest);
  }
}

export function parseClaim(value: unknown): Claim | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { schemaVersion, request, task, agentId } = value as Partial<Record<keyof Claim, unknown>>;
  if (schemaVersion !== 1 || typeof request !== 'string' || typeof agentId !== 'string') return undefined;
  if (task !== undefined && typeof task !== 'string') return undefined;
  return { schemaVersion, request, agentId, ...(task === undefined ? {} : { task }) };
}

/** The task that a payload is about, without judging the payload. */
export function taskNamedIn(payload: unknown): string | undefined {
  const params = member(payload, 'params');
  const id = member(member(params, 'message'), 'taskId') ?? member(params, 'id') ?? member(params, 'taskId');
  return typeof id === 'string' ? id.toLowerCase() : undefined;
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
