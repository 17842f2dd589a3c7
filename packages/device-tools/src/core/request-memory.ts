/** What a device did under which idempotency key. Bounded, and honest about it. */
import type { JsonRecord } from './declaration.ts';

export interface RequestMemoryOptions {
  /** Keys kept. Default 1 024. */
  readonly capacity?: number;
  /** A key is kept at least this long, in milliseconds. Default 3 600 000. */
  readonly keepMs?: number;
  /** New for each memory, so that who asks notices that it was lost. */
  readonly id: string;
}

export interface RememberedRequest {
  readonly call: string;
  /** `settled`: given up before it was done, and never to be done. */
  readonly state: 'running' | 'done' | 'failed' | 'settled';
  readonly answer?: JsonRecord;
  readonly error?: string;
  readonly approvalId?: string;
  readonly atMs: number;
}

/**
 * Keys are forgotten only when they are older than `keepMs` and room is needed. At the bound, with all of them younger, a new key is not
 * taken: what could not be remembered is not done.
 */
export class RequestMemory {
  readonly id: string;
  readonly keepMs: number;
  readonly #capacity: number;
  readonly #requests = new Map<string, RememberedRequest>();

  constructor({ id, capacity = 1024, keepMs = 3_600_000 }: RequestMemoryOptions) {
    this.id = id;
    this.keepMs = keepMs;
    this.#capacity = capacity;
  }

  /** What was done under the key; undefined: nothing, or it is forgotten. */
  get(requestId: string): RememberedRequest | undefined {
    return this.#requests.get(requestId);
  }

  /** False at the bound: the key was not taken. A key that is known is replaced. */
  set(requestId: string, request: RememberedRequest): boolean {
    if (!this.#requests.has(requestId) && this.#requests.size >= this.#capacity) {
      const oldest = this.#requests.entries().next().value;
      if (oldest !== undefined && request.atMs - oldest[1].atMs < this.keepMs) return false;
      if (oldest !== undefined) this.#requests.delete(oldest[0]);
    }
    this.#requests.set(requestId, request);
    return true;
  }

  /** The key under which an approval was used. */
  usedBy(approvalId: string): string | undefined {
    for (const [requestId, request] of this.#requests)
      if (request.approvalId === approvalId) return requestId;
    return undefined;
  }
}
