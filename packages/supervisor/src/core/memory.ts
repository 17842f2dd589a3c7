/**
 * What a supervisor remembers of one step between two looks. Nothing here matters (DESIGN rule 10): lose it, and suspicion starts
 * again from zero.
 */
export interface StepMemory {
  /** Of what: attempt and status; a change starts it afresh. */
  readonly key: string;
  /** When this supervisor first saw that. */
  readonly sinceMs: number;
  readonly misses: number;
  readonly lastProbeMs?: number;
  /** The last sign of life: an answered probe, or the moment when the status was first seen. */
  readonly aliveMs: number;
  readonly probing: boolean;
  /** The process that this supervisor started itself has ended badly: a fact, not a suspicion. */
  readonly dead?: boolean;
  /** Where it was started is gone: a suspect at once. Of long-lived agents. */
  readonly lost?: boolean;
}

export function freshMemory(key: string, now: number): StepMemory {
  return { key, sinceMs: now, misses: 0, aliveMs: now, probing: false };
}

/** The memory for `key`: the known one while it is about the same, else a fresh one. */
export function remember(known: StepMemory | undefined, key: string, now: number): StepMemory {
  if (known?.key === key) return known;
  const fresh = freshMemory(key, now);
  return known?.dead === true && attemptOf(known.key) === attemptOf(key) ? { ...fresh, dead: true } : fresh;
}

/** Keys begin with the attempt. */
function attemptOf(key: string): string {
  return key.split(':', 1)[0] ?? '';
}

export function probeSent(memory: StepMemory, now: number): StepMemory {
  return { ...memory, probing: true, lastProbeMs: now };
}

export function probeAnswered(memory: StepMemory, now: number): StepMemory {
  return { ...memory, probing: false, misses: 0, aliveMs: now };
}

/** Our own connection was at fault: as if it had not been sent. */
export function probeLost(memory: StepMemory): StepMemory {
  const { lastProbeMs: _lost, ...rest } = memory;
  return { ...rest, probing: false };
}

export function probeMissed(memory: StepMemory): StepMemory {
  return { ...memory, probing: false, misses: memory.misses + 1 };
}
