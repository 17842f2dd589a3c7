import type { Fault, Role } from '../core/fault-plan.ts';
import type { Fleet } from './fleet.ts';
import type { SimProcess } from './world.ts';

/** Makes the faults of a plan happen, and brings back what a process manager would bring back. */
export class Injector {
  readonly #fleet: Fleet;
  readonly #faults: readonly Fault[];
  /** Instances that were there before: none of them is a victim of a fault that waits for an effect. */
  #instancesBefore = 0;
  #open = 0;
  /** Kinds that really happened: a fault whose victim never came so far did not. */
  readonly happened: string[] = [];

  constructor(fleet: Fleet, faults: readonly Fault[]) {
    this.#fleet = fleet;
    this.#faults = faults;
  }

  /** From now on; moments are counted from here. */
  arm(): void {
    this.#instancesBefore = this.#fleet.instances.length;
    for (const fault of this.#faults) this.#arm(fault);
  }

  /** All that was stopped, killed or held is back. */
  get isOver(): boolean {
    return this.#open === 0;
  }

  #arm(fault: Fault): void {
    const { world } = this.#fleet;
    const { when } = fault;
    if ('atMs' in when) {
      this.#open += 1;
      world.plan(when.atMs, () => {
        this.#strikeNow(fault);
      });
      return;
    }
    if ('afterActingMs' in when) {
      let struck = false;
      const { onActedOnce } = this.#fleet;
      this.#fleet.onActedOnce = (by) => {
        onActedOnce(by);
        if (struck) return;
        struck = true;
        this.#open += 1;
        world.plan(when.afterActingMs, () => {
          if (fault.role === 'actor') this.#strike(fault, by);
          else if (fault.role === 'instance') this.#strike(fault, this.#instanceNear(by));
          else this.#strikeNow(fault);
        });
      };
      return;
    }
    // The n-th of its kind to start is the victim; it may die before it has done so much.
    this.#whenStarted(fault.role, fault.pick, (victim) => {
      const last = victim.effects + when.effect;
      victim.onEffect = (effect) => {
        if (effect !== last) return true;
        victim.onEffect = undefined;
        this.#open += 1;
        if (!when.leaves) this.#strike(fault, victim);
        else queueMicrotask(() => this.#strike(fault, victim));
        return when.leaves;
      };
    });
  }

  #whenStarted(role: Role, pick: number, found: (victim: SimProcess) => void): void {
    const { world } = this.#fleet;
    const untilMs = world.elapsedMs + 2_000;
    const look = (): void => {
      const all = role === 'instance' ? this.#fleet.instances.slice(this.#instancesBefore) : this.#all(role);
      const victim = all[pick % ROUND[role]];
      if (victim !== undefined) found(victim);
      else if (world.elapsedMs < untilMs) world.plan(0.5, look);
    };
    world.plan(0, look);
  }

  #all(role: Role): readonly SimProcess[] {
    const { broker, deviceAgent, supervisors, instances, callers, hosts } = this.#fleet;
    const all: Readonly<Record<Exclude<Role, 'site' | 'actor'>, readonly (SimProcess | undefined)[]>> = {
      broker: [broker],
      'device-agent': [deviceAgent],
      supervisor: supervisors,
      instance: instances,
      caller: callers,
      host: hosts,
    };
    if (role === 'actor') return [];
    const found = role === 'site' ? [broker, deviceAgent, ...supervisors, ...hosts, ...instances] : all[role];
    // A supervisor may be the device's agent, too.
    return [...new Set(found.filter((process) => process !== undefined))];
  }

  /** Who acted, or the instance that had a device agent act. */
  #instanceNear(by: SimProcess): SimProcess | undefined {
    const { instances, supervisors, hosts } = this.#fleet;
    if ([instances, supervisors, hosts].some((group) => group.includes(by))) return by;
    return instances.findLast(({ name }) => name.startsWith('act#'));
  }

  #victim({ role, pick }: Fault): SimProcess | undefined {
    const alive = this.#all(role).filter(({ state }) => state !== 'dead');
    return alive.length === 0 ? undefined : alive[pick % alive.length];
  }

  /** Whoever lives then. `#open` counts this fault already. */
  #strikeNow(fault: Fault): void {
    if (fault.role !== 'site' || fault.kind !== 'kill') return this.#strike(fault, this.#victim(fault));
    this.happened.push('kill site');
    const victims = this.#all('site').filter(({ state }) => state !== 'dead');
    for (const victim of victims) this.#fleet.world.kill(victim);
    this.#open += victims.length - 1;
    // Machines do not start in the same moment.
    for (const victim of victims)
      this.#over(this.#fleet.world.random.between(50, 50 + fault.backAfterMs), () => this.#bringBack(victim));
  }

  #over(afterMs: number, mend: () => void): void {
    this.#fleet.world.plan(afterMs, () => {
      mend();
      this.#open -= 1;
    });
  }

  /** `#open` counts this fault already. */
  #strike(fault: Fault, victim: SimProcess | undefined): void {
    const { world, wire } = this.#fleet;
    if (victim === undefined || victim.state === 'dead') return void (this.#open -= 1);
    this.happened.push(`${fault.kind} ${fault.role}`);
    switch (fault.kind) {
      case 'kill':
        world.kill(victim);
        return this.#over(fault.backAfterMs, () => this.#bringBack(victim, fault.losesDisk));
      case 'stop':
        world.stop(victim);
        return this.#over(fault.forMs, () => world.resume(victim));
      case 'cut':
        wire.cut(victim);
        return this.#over(0, () => undefined);
      case 'hold':
        wire.hold(victim, fault.forMs);
        return this.#over(fault.forMs, () => undefined);
    }
  }

  #bringBack(dead: SimProcess, losesDisk = false): void {
    const fleet = this.#fleet;
    const index = fleet.supervisors.indexOf(dead);
    const host = fleet.hosts.indexOf(dead);
    if (dead === fleet.broker) fleet.startBroker(losesDisk);
    // Supervisors and hosts may have the device's agent within them, too.
    else if (index >= 0) fleet.restartSupervisor(index);
    else if (host >= 0) fleet.startHost(host);
    else if (dead === fleet.deviceAgent) fleet.restartDeviceAgent();
  }
}

/** Of how many one is the victim of a fault that waits for an effect. */
const ROUND: Readonly<Record<Role, number>> = {
  instance: 5,
  supervisor: 2,
  broker: 1,
  'device-agent': 1,
  caller: 1,
  host: 2,
  actor: 1,
  site: 1,
};
