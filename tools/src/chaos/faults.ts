import { setTimeout as wait } from 'node:timers/promises';
import type { FaultProxy } from '@shoal/mqtt-link/testing';
import type { Random } from '../simulate/core/random.ts';
import { findInstances, signal, type Instance, type Kept } from './processes.ts';

export interface Victims {
  readonly runId: string;
  readonly proxy: FaultProxy;
  readonly broker: Kept;
  readonly supervisors: readonly Kept[];
  readonly deviceAgent: Kept;
  readonly hosts: readonly Kept[];
  /** An instance was killed: its step has to run again. */
  readonly onKilled: (instance: Instance) => void;
}

const PAUSE_MS = { least: 150, most: 1_200 } as const;

/** What can go wrong, and how often in proportion. */
const FAULTS: readonly (readonly [
  share: number,
  name: string,
  strike: (victims: Victims, random: Random) => void,
])[] = [
  [34, 'kill instance', (victims, random) => killInstance(victims, random)],
  [12, 'stop instance', (victims, random) => stopInstance(victims, random)],
  [14, 'kill supervisor', ({ supervisors }, random) => kill(random.pick(supervisors))],
  [8, 'stop supervisor', ({ supervisors }, random) => pause(random.pick(supervisors), random, 6_000)],
  [6, 'kill broker', ({ broker }) => kill(broker)],
  [4, 'stop broker', ({ broker }, random) => pause(broker, random, 3_000)],
  [6, 'kill device agent', ({ deviceAgent }) => kill(deviceAgent)],
  [8, 'kill host', ({ hosts }, random) => kill(random.pick(hosts))],
  [6, 'stop host', ({ hosts }, random) => pause(random.pick(hosts), random, 6_000)],
  [8, 'cut connections', ({ proxy }) => proxy.cut()],
  [8, 'hold connections', ({ proxy }, random) => hold(proxy, random)],
];

/** Makes faults happen, one after the other, until the signal aborts. Resolves with how many of each there were. */
export async function injectFaults(
  victims: Victims,
  random: Random,
  until: AbortSignal,
): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (;;) {
    const pauseMs = random.between(PAUSE_MS.least, PAUSE_MS.most);
    await wait(pauseMs, undefined, { signal: until }).catch(() => undefined);
    if (until.aborted) return counts;
    const [, name, strike] = choose(random);
    strike(victims, random);
    counts[name] = (counts[name] ?? 0) + 1;
  }
}

function choose(random: Random): (typeof FAULTS)[number] {
  let left = random.below(FAULTS.reduce((sum, [share]) => sum + share, 0));
  return FAULTS.find(([share]) => (left -= share) < 0)!;
}

function kill({ pid }: Kept): void {
  if (pid !== undefined) signal(pid, 'SIGKILL');
}

function pause({ pid }: { readonly pid?: number | undefined }, random: Random, mostMs: number): void {
  if (pid === undefined || !signal(pid, 'SIGSTOP')) return;
  setTimeout(() => signal(pid, 'SIGCONT'), random.between(50, mostMs));
}

function killInstance({ runId, onKilled }: Victims, random: Random): void {
  const instances = findInstances(runId);
  if (instances.length === 0) return;
  const victim = random.pick(instances);
  if (signal(victim.pid, 'SIGKILL')) onKilled(victim);
}

function stopInstance({ runId }: Victims, random: Random): void {
  const instances = findInstances(runId);
  // Sometimes for longer than its keep-alive: then it wakes as a zombie.
  if (instances.length > 0) pause(random.pick(instances), random, 8_000);
}

function hold(proxy: FaultProxy, random: Random): void {
  proxy.hold(random.chance(0.5) ? 'to-client' : 'to-broker');
  setTimeout(() => proxy.release(), random.between(50, 2_500));
}
