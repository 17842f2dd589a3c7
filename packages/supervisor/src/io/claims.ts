import { randomUUID } from 'node:crypto';

/** One thing that supervisors compete for. */
export interface Contest {
  /** The attempt that the records say now; 0 when there is none. */
  readonly current: () => number;
  /** Of the claims for the current attempt, the first in topic order. */
  readonly first: () => string | undefined;
  /** Publishes the claim; resolves on its PUBACK. */
  readonly publish: (claimId: string) => Promise<void>;
}

/** Claims attempts: PUBACK, own echo, first in topic order (DESIGN rule 4). */
export class Claims {
  readonly #echoTimeoutMs: number;
  readonly #echoes = new Map<string, () => void>();

  /** `echoTimeoutMs`: how long to wait for the own echo before the claim is given up. */
  constructor(echoTimeoutMs = 5_000) {
    this.#echoTimeoutMs = echoTimeoutMs;
  }

  /** The claim id when the claim stands; undefined when another was first, the decision was stale, or no echo came. */
  async claim(contest: Contest, attempt: number): Promise<string | undefined> {
    if (contest.current() !== attempt - 1) return undefined;
    const claimId = randomUUID();
    let timer: NodeJS.Timeout | undefined;
    const echoed = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), this.#echoTimeoutMs);
      this.#echoes.set(claimId, () => resolve(true));
    });
    try {
      await contest.publish(claimId);
      if (!(await echoed)) return undefined;
    } finally {
      clearTimeout(timer);
      this.#echoes.delete(claimId);
    }
    return contest.current() === attempt && contest.first() === claimId ? claimId : undefined;
  }

  /** To be called with every claim that the broker delivers. */
  onClaim(claimId: string): void {
    this.#echoes.get(claimId)?.();
  }
}
