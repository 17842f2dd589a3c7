import type { Fault, Role } from '../core/fault-plan.ts';
import type { Fleet } from './fleet.ts';
import type { SimProcess } from './world.ts';

/** Makes the faults of a plan happen, and brings back what a process manager would bring back. */
export class Injector {
  readonly #fleet: Fleet;
  #open: number;
  /** Kinds that really happened: a fault whose victim never came so far did not. */
  readonly happened: string[] = [];

  constructor(fleet: Fleet, faults: readonly Fault[]) {
    this.#fleet = fleet;
    this.#open = 0;
    for (const fault of faults) this.#arm(fault);
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
        const victim = this.#victim(fault);
        if (victim === undefined) this.#open -= 1;
        else this.#strike(fault, victim);
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
          const victim = fault.role === 'instance' ? this.#instanceNear(by) : this.#victim(fault);
          if (victim === undefined) this.#open -= 1;
          else this.#strike(fault, victim);
        });
      };
      return;
    }
    // The n-th of its kind to start is the victim; it may die before it has done so much.
    this.#whenStarted(fault.role, fault.pick, (victim) => {
      victim.onEffect = (effect) => {
        if (effect !== when.effect) return true;
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
    const look = (): void => {
      const all = this.#all(role);
      const victim = all[pick % Math.max(1, ROUND[role])];
      if (victim !== undefined) found(victim);
      else if (world.elapsedMs < 2_000) world.plan(0.5, look);
    };
    world.plan(0, look);
  }

  #all(role: Role): readonly SimProcess[] {
    const { broker, deviceAgent, supervisors, instances, callers } = this.#fleet;
    const all: Readonly<Record<Role, readonly (SimProcess | undefined)[]>> = {
      broker: [broker],
      'device-agent': [deviceAgent],
      supervisor: supervisors,
      instance: instances,
      caller: callers,
    };
    return all[role].filter((process) => process !== undefined);
  }

  /** Who acted, or the instance that had a device agent act. */
  #instanceNear(by: SimProcess): SimProcess | undefined {
    const { instances, supervisors } = this.#fleet;
    if (instances.includes(by) || supervisors.includes(by)) return by;
    return instances.findLast(({ name }) => name.startsWith('act#'));
  }

  #victim({ role, pick }: Fault): SimProcess | undefined {
    const alive = this.#all(role).filter(({ state }) => state !== 'dead');
    return alive.length === 0 ? undefined : alive[pick % alive.length];
  }

  /** `#open` counts this fault already. */
  #strike(fault: Fault, victim: SimProcess): void {
    const { world, wire } = this.#fleet;
    if (victim.state === 'dead') return void (this.#open -= 1);
    this.happened.push(`${fault.kind} ${fault.role}`);
    const over = (afterMs: number, mend: () => void): void => {
      world.plan(afterMs, () => {
        mend();
        this.#open -= 1;
      });
    };
    switch (fault.kind) {
      case 'kill':
        world.kill(victim);
        return over(fault.backAfterMs, () => this.#bringBack(victim, fault.losesDisk));
      case 'stop':
        world.stop(victim);
        return over(fault.forMs, () => world.resume(victim));
      case 'cut':
        wire.cut(victim);
        return over(0, () => undefined);
      case 'hold':
        wire.hold(victim, fault.forMs);
        return over(fault.forMs, () => undefined);
    }
  }

  #bringBack(dead: SimProcess, losesDisk = false): void {
    const fleet = this.#fleet;
    const index = fleet.supervisors.indexOf(dead);
    if (dead === fleet.broker) fleet.startBroker(losesDisk);
    // It may host the device's agent, too.
    else if (index >= 0) fleet.restartSupervisor(index);
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
};
