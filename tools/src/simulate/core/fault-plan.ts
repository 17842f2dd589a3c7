import type { Random } from './random.ts';

/** `actor`: who has acted, an instance or the device agent. `site`: everything but the callers, at once, as when the power fails. */
export type Role =
  | 'instance'
  | 'supervisor'
  | 'broker'
  | 'device-agent'
  | 'caller'
  | 'host'
  | 'actor'
  | 'site';

/** Something that goes wrong, at a moment or at the n-th thing that the victim sends. */
export type Fault = {
  readonly role: Role;
  /** Which of those that live then, modulo their number. */
  readonly pick: number;
  readonly when:
    | { readonly atMs: number }
    /** At an effect of the victim. `leaves`: just after it was sent; else it never is, and the victim has to die of it. */
    | { readonly effect: number; readonly leaves: boolean }
    /** So long after a step that must not act twice has acted: the victim is who did it, or the broker, or … */
    | { readonly afterActingMs: number };
} & (
  | { readonly kind: 'kill'; readonly backAfterMs: number; readonly losesDisk?: boolean }
  | { readonly kind: 'stop'; readonly forMs: number }
  | { readonly kind: 'cut' }
  | { readonly kind: 'hold'; readonly forMs: number }
);

/** Machines of their own that take orders; what they start are processes, or lives in them and dies with them. */
export interface HostsPlan {
  readonly count: number;
  /** Places of each. */
  readonly capacity: number;
  readonly inside: boolean;
  /** Some work is for hosts with a label only, and the last one has none: orders go to one host by name. */
  readonly labeled: boolean;
}

export interface FaultPlan {
  readonly supervisors: number;
  /** The same request comes a second time, from another caller. */
  readonly duplicate: boolean;
  /** Where instances live: a process for each, the process of the supervisor that started them, or hosts. */
  readonly home: 'processes' | 'supervisor' | HostsPlan;
  /** From when on things go wrong: from the beginning, or from the moment when a re-run is asked for. */
  readonly from: 'start' | 'rerun';
  readonly faults: readonly Fault[];
}

/** What of a scenario decides what may go wrong in it. */
export interface FaultScope {
  /** It has a step that must not act twice. */
  readonly actsOnce: boolean;
  /** It runs something again. */
  readonly reruns: boolean;
}

/** What goes wrong in the run of a seed. */
export function planFaults(random: Random, { actsOnce, reruns }: FaultScope): FaultPlan {
  const home = homeOf(random);
  const supervisors = random.chance(0.5) ? 1 : 2;
  const duplicate = random.chance(0.3);
  // Whether a step acted decides what may be run again: what is unknown after the first run is nobody's to repeat.
  const from = reruns && (actsOnce || random.chance(0.7)) ? 'rerun' : 'start';
  const mortal: readonly Role[] = typeof home === 'string' ? MORTAL : [...MORTAL, 'host', 'host'];
  return { supervisors, duplicate, home, from, faults: faultsOf(random, actsOnce, mortal) };
}

function homeOf(random: Random): FaultPlan['home'] {
  const lot = random.next();
  if (lot < 0.4) return 'processes';
  if (lot < 0.7) return 'supervisor';
  return {
    count: random.chance(0.5) ? 2 : 3,
    capacity: 2 + random.below(4),
    inside: random.chance(0.3),
    labeled: random.chance(0.4),
  };
}

function faultsOf(random: Random, actsOnce: boolean, mortal: readonly Role[]): readonly Fault[] {
  const style = random.next();
  if (actsOnce && style < 0.4) return [afterActing(random)];
  if (style < 0.12) return [losingPower(random)];
  if (style < 0.4) return [atEffect(random, mortal)];
  if (style < 0.48 && !actsOnce) return [losingDisk(random)];
  const count = style < 0.8 ? 1 + random.below(3) : 4 + random.below(3);
  return Array.from({ length: count }, () => anyFault(random, mortal));
}

const MORTAL: readonly Role[] = ['instance', 'instance', 'supervisor', 'broker', 'device-agent'];

function anyFault(random: Random, mortal: readonly Role[]): Fault {
  const lot = random.next();
  if (lot < 0.04) return losingPower(random);
  return lot < 0.4 ? atEffect(random, mortal) : atTime(random, mortal);
}

/** Instances live for some milliseconds: at a moment there is seldom one, at an effect there always is. */
function atEffect(random: Random, mortal: readonly Role[]): Fault {
  const role = random.pick(mortal);
  const victim = { role, pick: random.below(16) } as const;
  const effect = 1 + random.below(MOST_EFFECTS[role] ?? 16);
  if (random.chance(0.7))
    return {
      ...victim,
      kind: 'kill',
      backAfterMs: backAfter(random),
      when: { effect, leaves: random.chance(0.5) },
    };
  return { ...victim, ...survivable(random), when: { effect, leaves: true } };
}

const MOST_EFFECTS: Partial<Readonly<Record<Role, number>>> = { broker: 120, supervisor: 60, host: 30 };

function survivable(random: Random) {
  const lot = random.next();
  if (lot < 0.35) return { kind: 'stop', forMs: duration(random) } as const;
  if (lot < 0.65) return { kind: 'cut' } as const;
  return { kind: 'hold', forMs: duration(random) } as const;
}

/** Between the act and its result, mostly. */
function afterActing(random: Random): Fault {
  return {
    role: random.pick(['actor', 'actor', 'instance', 'broker', 'site', 'site']),
    pick: 0,
    kind: 'kill',
    backAfterMs: backAfter(random),
    when: { afterActingMs: random.between(0, random.chance(0.6) ? 20 : 80) },
  };
}

function atTime(random: Random, mortal: readonly Role[]): Fault {
  const when = { atMs: random.between(0, random.chance(0.8) ? 900 : 5_000) };
  const pick = random.below(16);
  if (random.chance(0.4))
    return { role: random.pick(mortal), pick, when, kind: 'kill', backAfterMs: backAfter(random) };
  return { role: random.pick([...mortal, 'caller'] as const), pick, when, ...survivable(random) };
}

/** While sessions run: whatever is not on a disk is gone, and nobody is left who remembers it. */
function losingPower(random: Random): Fault {
  return {
    role: 'site',
    pick: 0,
    kind: 'kill',
    backAfterMs: backAfter(random),
    when: { atMs: random.between(50, 600) },
  };
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
