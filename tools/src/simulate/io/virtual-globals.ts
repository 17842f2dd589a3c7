import { createRequire, syncBuiltinESMExports } from 'node:module';
import type { QueuedEvent } from '../core/event-queue.ts';
import { createRandom, type Random } from '../core/random.ts';
import { currentProcess, type World } from './world.ts';

let world: World | undefined;
let randomness: Random = createRandom(0);

/** From here on, timers, clocks and randomness are those of this world. */
export function enterWorld(next: World, seed: number): void {
  world = next;
  randomness = createRandom(seed ^ 0x5bd1_e995);
}

function now(): World {
  if (world === undefined) throw new Error('no world to be in');
  return world;
}

/** A timer of Node, as far as the code under test uses it. */
class VirtualTimer {
  event: QueuedEvent | undefined;

  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  hasRef(): boolean {
    return true;
  }
  cancel(): void {
    if (this.event !== undefined) this.event.canceled = true;
  }
  [Symbol.dispose](): void {
    this.cancel();
  }
}

type Callback = (...args: unknown[]) => void;

function plan(timer: VirtualTimer, delayMs: number, run: () => void): void {
  const process = currentProcess();
  timer.event = process === undefined ? now().plan(delayMs, run) : now().planFor(process, delayMs, run);
}

/** As Node: below 1 ms, or no number, is 1 ms. */
function delayOf(delayMs: unknown): number {
  const delay = Number(delayMs);
  return delay >= 1 ? delay : 1;
}

function setVirtualTimeout(callback: Callback, delayMs?: unknown, ...args: unknown[]): VirtualTimer {
  const timer = new VirtualTimer();
  plan(timer, delayOf(delayMs), () => callback(...args));
  return timer;
}

function setVirtualInterval(callback: Callback, delayMs?: unknown, ...args: unknown[]): VirtualTimer {
  const timer = new VirtualTimer();
  const again = (): void =>
    plan(timer, delayOf(delayMs), () => {
      again();
      callback(...args);
    });
  again();
  return timer;
}

function setVirtualImmediate(callback: Callback, ...args: unknown[]): VirtualTimer {
  const timer = new VirtualTimer();
  plan(timer, 0, () => callback(...args));
  return timer;
}

function clearVirtual(timer: unknown): void {
  if (timer instanceof VirtualTimer) timer.cancel();
}

function waitVirtually<T>(
  delayMs?: number,
  value?: T,
  { signal }: { signal?: AbortSignal } = {},
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearVirtual(timer);
      reject(signal?.reason as Error);
    };
    const timer = setVirtualTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve(value);
    }, delayMs);
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function bytes(size: number): Buffer {
  const buffer = Buffer.alloc(size);
  for (let at = 0; at < size; at += 1) buffer[at] = randomness.below(256);
  return buffer;
}

function fill<T extends NodeJS.TypedArray>(array: T): T {
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(bytes(array.byteLength));
  return array;
}

function uuid(): `${string}-${string}-${string}-${string}-${string}` {
  const raw = bytes(16);
  raw[6] = (raw[6]! & 0x0f) | 0x40;
  raw[8] = (raw[8]! & 0x3f) | 0x80;
  const hex = raw.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/**
 * Replaces clocks, timers and randomness of this process, for good. To be called before the code under test is imported, since some
 * of it (MQTT.js) takes hold of a timer function when it loads.
 */
export function replaceGlobals(): void {
  const RealDate = Date;
  class VirtualDate extends RealDate {
    constructor(...args: unknown[]) {
      if (args.length === 0) super(Math.floor(now().nowMs));
      else super(...(args as [number]));
    }
    static override now(): number {
      return Math.floor(now().nowMs);
    }
  }
  Object.assign(globalThis, {
    Date: VirtualDate,
    setTimeout: setVirtualTimeout,
    setInterval: setVirtualInterval,
    setImmediate: setVirtualImmediate,
    clearTimeout: clearVirtual,
    clearInterval: clearVirtual,
    clearImmediate: clearVirtual,
  });
  Math.random = () => randomness.next();
  Object.defineProperty(performance, 'now', { value: () => now().elapsedMs, configurable: true });
  Object.defineProperty(globalThis.crypto, 'randomUUID', { value: uuid, configurable: true });
  // What is drawn decides more than contents: names of topics, and so the order in which a store gives them back.
  Object.defineProperty(globalThis.crypto, 'getRandomValues', { value: fill, configurable: true });
  const require = createRequire(import.meta.url);
  Object.assign(require('node:crypto') as object, { randomUUID: uuid, randomBytes: bytes });
  Object.assign(require('node:timers/promises') as object, { setTimeout: waitVirtually });
  syncBuiltinESMExports();
}
