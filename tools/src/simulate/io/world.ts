import { AsyncLocalStorage } from 'node:async_hooks';
import { EventQueue, type QueuedEvent } from '../core/event-queue.ts';
import { createRandom, type Random } from '../core/random.ts';

/** Kept from before the globals are replaced: the turns of the real event loop. */
const realSetImmediate = setImmediate;

/**
 * A process of the simulation. Its code runs in this one, but whatever it starts carries its name: timers and arriving bytes of a
 * process that is dead never happen, those of one that is stopped wait until it goes on (SIGSTOP, SIGCONT).
 */
export class SimProcess {
  readonly name: string;
  state: 'running' | 'stopped' | 'dead' = 'running';
  readonly waiting: (() => void)[] = [];
  /** Called once, when the process dies. */
  readonly onDeath: (() => void)[] = [];
  /** Effects so far: chunks that left the process. */
  effects = 0;
  /** Called before the effect of that number leaves; true lets it go. */
  onEffect: ((effect: number) => boolean) | undefined;

  constructor(name: string) {
    this.name = name;
  }
}

const running = new AsyncLocalStorage<SimProcess>();

export function currentProcess(): SimProcess | undefined {
  return running.getStore();
}

/** Virtual time, and everything that is going to happen in it. One world at a time. */
export class World {
  readonly random: Random;
  /** Milliseconds since the epoch. */
  nowMs = Date.UTC(2026, 0, 1);
  readonly startedAtMs = this.nowMs;
  readonly trace: string[] = [];
  readonly processes: SimProcess[] = [];
  readonly #queue = new EventQueue();
  readonly #keepTrace: boolean;
  /** FNV-1a over the trace: two runs of one seed must agree. */
  #digest = 0x811c_9dc5;
  events = 0;

  constructor(seed: number, keepTrace = false) {
    this.random = createRandom(seed);
    this.#keepTrace = keepTrace;
  }

  get elapsedMs(): number {
    return this.nowMs - this.startedAtMs;
  }

  get digest(): string {
    return (this.#digest >>> 0).toString(16).padStart(8, '0');
  }

  note(text: string): void {
    const line = `${this.elapsedMs.toFixed(2)} ${text}`;
    for (let at = 0; at < line.length; at += 1)
      this.#digest = Math.imul(this.#digest ^ line.charCodeAt(at), 0x0100_0193);
    if (this.#keepTrace) this.trace.push(line);
  }

  /** Plans something that nobody can kill. */
  plan(delayMs: number, run: () => void): QueuedEvent {
    return this.#queue.add(this.nowMs + Math.max(0, delayMs), run);
  }

  /** Plans something that a process does, if it still can. */
  planFor(process: SimProcess, delayMs: number, run: () => void): QueuedEvent {
    return this.plan(delayMs, () => this.enter(process, run));
  }

  enter(process: SimProcess, run: () => void): void {
    if (process.state === 'dead') return;
    if (process.state === 'stopped') process.waiting.push(run);
    else running.run(process, run);
  }

  start(name: string, main: () => Promise<'exit' | void>): SimProcess {
    const process = new SimProcess(name);
    this.processes.push(process);
    this.note(`start ${name}`);
    this.planFor(process, 0, () => {
      void this.#main(process, main);
    });
    return process;
  }

  kill(process: SimProcess): void {
    if (process.state === 'dead') return;
    this.note(`kill ${process.name}`);
    this.#end(process);
  }

  #end(process: SimProcess): void {
    process.state = 'dead';
    process.waiting.length = 0;
    for (const onDeath of process.onDeath.splice(0)) onDeath();
  }

  /** A main function that ends, ends its process when it is one that is to end: a daemon's only has started it. */
  async #main(process: SimProcess, main: () => Promise<'exit' | void>): Promise<void> {
    try {
      if ((await main()) !== 'exit') return;
    } catch (error) {
      this.note(`${process.name} fails: ${String(error)}`);
    }
    if (process.state === 'dead') return;
    this.note(`exit ${process.name}`);
    this.#end(process);
  }

  stop(process: SimProcess): void {
    if (process.state !== 'running') return;
    this.note(`stop ${process.name}`);
    process.state = 'stopped';
  }

  /** What waited happens in its order, each in a turn of its own. */
  resume(process: SimProcess): void {
    if (process.state !== 'stopped') return;
    this.note(`resume ${process.name}`);
    process.state = 'running';
    for (const run of process.waiting.splice(0)) this.planFor(process, 0, run);
  }

  /** Lets time pass until the condition holds, or until that moment. True: it holds. */
  async runUntil(holds: () => boolean, limitMs: number): Promise<boolean> {
    const endMs = this.nowMs + limitMs;
    await settled();
    while (!holds()) {
      const event = this.#queue.take();
      if (event === undefined) return false;
      if (event.atMs > endMs) {
        this.#queue.add(event.atMs, event.run);
        this.nowMs = endMs;
        return holds();
      }
      this.nowMs = Math.max(this.nowMs, event.atMs);
      this.events += 1;
      event.run();
      await settled();
    }
    return true;
  }
}

/** All that promises and ticks have to do before the next thing can happen. */
function settled(): Promise<void> {
  return new Promise((resolve) => void realSetImmediate(resolve));
}

/** Of the process that calls. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
