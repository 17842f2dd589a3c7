import type { Random } from './random.ts';

export type Role = 'instance' | 'supervisor' | 'broker' | 'device-agent' | 'caller';

/** Something that goes wrong, at a moment or at the n-th thing that the victim sends. */
export type Fault = {
  readonly role: Role;
  /** Which of those that live then, modulo their number. */
  readonly pick: number;
  readonly when:
    | { readonly atMs: number }
    /** Death at an effect of the victim, before it leaves or just after. */
    | { readonly effect: number; readonly leaves: boolean }
    /** So long after a step that must not act twice has acted: the victim is who did it, or the broker, or … */
    | { readonly afterActingMs: number };
} & (
  | { readonly kind: 'kill'; readonly backAfterMs: number; readonly losesDisk?: boolean }
  | { readonly kind: 'stop'; readonly forMs: number }
  | { readonly kind: 'cut' }
  | { readonly kind: 'hold'; readonly forMs: number }
);

export interface FaultPlan {
  readonly supervisors: number;
  /** The same request comes a second time, from another caller. */
  readonly duplicate: boolean;
  /** Instances live in the process of the supervisor that started them, and die with it. */
  readonly hosted?: boolean;
  readonly faults: readonly Fault[];
}

const MORTAL: readonly Role[] = ['instance', 'instance', 'supervisor', 'broker', 'device-agent'];

/** What goes wrong in the run of a seed. `actsOnce`: the scenario has a step that must not act twice. */
export function planFaults(random: Random, actsOnce: boolean): FaultPlan {
  const plan = planFaultsOf(random, actsOnce);
  return { ...plan, hosted: random.chance(0.3) };
}

function planFaultsOf(random: Random, actsOnce: boolean): FaultPlan {
  const supervisors = random.chance(0.5) ? 1 : 2;
  const duplicate = random.chance(0.3);
  const style = random.next();
  if (actsOnce && style < 0.3) return { supervisors, duplicate, faults: [afterActing(random)] };
  if (style < 0.4) return { supervisors, duplicate, faults: [atEffect(random)] };
  if (style < 0.5 && !actsOnce) return { supervisors, duplicate, faults: [losingDisk(random)] };
  const count = style < 0.8 ? 1 + random.below(3) : 4 + random.below(3);
  return { supervisors, duplicate, faults: Array.from({ length: count }, () => anyFault(random)) };
}

function anyFault(random: Random): Fault {
  return random.chance(0.3) ? atEffect(random) : atTime(random);
}

function atEffect(random: Random): Fault {
  const role = random.pick(MORTAL);
  const most = role === 'broker' ? 120 : role === 'supervisor' ? 60 : 16;
  return {
    role,
    pick: random.below(16),
    kind: 'kill',
    backAfterMs: backAfter(random),
    when: { effect: 1 + random.below(most), leaves: random.chance(0.5) },
  };
}

function afterActing(random: Random): Fault {
  return {
    role: random.pick(['instance', 'instance', 'broker', 'device-agent']),
    pick: 0,
    kind: 'kill',
    backAfterMs: backAfter(random),
    when: { afterActingMs: random.between(0, 80) },
  };
}

function atTime(random: Random): Fault {
  const when = { atMs: random.between(0, random.chance(0.8) ? 900 : 5_000) };
  const pick = random.below(16);
  const kind = random.next();
  if (kind < 0.4)
    return { role: random.pick(MORTAL), pick, when, kind: 'kill', backAfterMs: backAfter(random) };
  const role = random.pick([...MORTAL, 'caller'] as const);
  if (kind < 0.6) return { role, pick, when, kind: 'stop', forMs: duration(random) };
  if (kind < 0.8) return { role, pick, when, kind: 'cut' };
  return { role, pick, when, kind: 'hold', forMs: duration(random) };
}

function losingDisk(random: Random): Fault {
  return {
    role: 'broker',
    pick: 0,
    kind: 'kill',
    losesDisk: true,
    backAfterMs: backAfter(random),
    when: { atMs: random.between(0, 900) },
  };
}

/** Mostly short; now and then longer than any keep-alive. */
function duration(random: Random): number {
  return random.chance(0.75) ? random.between(20, 2_000) : random.between(5_000, 60_000);
}

function backAfter(random: Random): number {
  return random.between(50, 3_000);
}
