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
}

export function freshMemory(key: string, now: number): StepMemory {
  return { key, sinceMs: now, misses: 0, aliveMs: now, probing: false };
}

/** The memory for `key`: the known one while it is about the same, else a fresh one. */
export function remember(known: StepMemory | undefined, key: string, now: number): StepMemory {
  return known?.key === key ? known : freshMemory(key, now);
}

export function probeSent(memory: StepMemory, now: number): StepMemory {
  return { ...memory, probing: true, lastProbeMs: now };
}

export function probeAnswered(memory: StepMemory, now: number): StepMemory {
  return { ...memory, probing: false, misses: 0, aliveMs: now };
}

export function probeMissed(memory: StepMemory): StepMemory {
  return { ...memory, probing: false, misses: memory.misses + 1 };
}
