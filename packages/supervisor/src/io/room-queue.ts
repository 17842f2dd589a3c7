import type { Logger } from '@shoal/mqtt-link';
import { weightOf, type Needs } from '../core/placement.ts';
import { roomOf } from '../spawners/room-of.ts';
import type { Spawner } from '../types.ts';

export interface RoomQueueOptions {
  readonly spawner: Spawner;
  /** Starts that may wait; one more is not kept, and comes again when its session is looked at next. */
  readonly maxWaiting: number;
  readonly logger: Logger;
}

export interface RoomStats {
  /** Starts that wait until there is room. */
  readonly waiting: number;
  /** Of these, how many no spawner or host could ever take, as they are labelled now. */
  readonly nowhere: number;
}

/** Starts with the same needs, in the order in which they came. */
interface Line {
  readonly needs: Needs;
  readonly turns: Map<string, () => void>;
  nowhere: boolean;
}

interface Kept {
  readonly weight: number;
  /** Given up when it was not taken up by then. */
  untilMs: number;
}

const RETRY_MS = 50;
/** How long a turn is kept for somebody who no longer wants it. */
const TURN_MS = 2_000;

/**
 * Keeps starts back while there is no room for them: nothing is claimed that cannot be started, and what waits is served in order. The
 * queue is no promise: the records say what is to be started, and a turn that nobody takes up lapses.
 */
export class RoomQueue {
  readonly #options: RoomQueueOptions;
  readonly #lines = new Map<string, Line>();
  readonly #kept = new Map<string, Kept>();
  /** Of all that is kept. */
  #keptWeight = 0;
  #waiting = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: RoomQueueOptions) {
    this.#options = options;
  }

  /**
   * True: there is room, and it is kept for `key` until `leave`. False: it waits, and `onTurn` is called when there is room; then enter
   * again. Entering twice is fine.
   */
  enter(key: string, needs: Needs, onTurn: () => void): boolean {
    if (this.#stopped) return false;
    if (this.#takeUp(key) || this.#takeFree(key, needs)) return true;
    const line = this.#line(needs);
    if (!line.turns.has(key)) {
      if (this.#waiting >= this.#options.maxWaiting) return false;
      line.turns.set(key, onTurn);
      this.#waiting += 1;
    }
    this.#serve(key);
    return this.#takeUp(key);
  }

  /** It was started, or will not be. */
  leave(key: string): void {
    this.#keptWeight -= this.#kept.get(key)?.weight ?? 0;
    this.#kept.delete(key);
  }

  #keep(key: string, weight: number, untilMs: number): void {
    this.leave(key);
    this.#kept.set(key, { weight, untilMs });
    this.#keptWeight += weight;
  }

  stats(): RoomStats {
    let nowhere = 0;
    for (const line of this.#lines.values()) if (line.nowhere) nowhere += line.turns.size;
    return { waiting: this.#waiting, nowhere };
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #takeUp(key: string): boolean {
    const kept = this.#kept.get(key);
    if (kept !== undefined) kept.untilMs = Infinity;
    return kept !== undefined;
  }

  /** Nobody waits, and there is room. */
  #takeFree(key: string, needs: Needs): boolean {
    if (this.#waiting > 0) return false;
    const room = roomOf(this.#options.spawner, needs);
    if (room === 'nowhere') return false;
    const weight = weightOf(needs);
    // Of the room, what nobody was given yet.
    if (room - this.#keptWeight < weight) return false;
    this.#keep(key, weight, Infinity);
    return true;
  }

  #line(needs: Needs): Line {
    const signature = JSON.stringify([
      needs.blueprint,
      weightOf(needs),
      Object.entries(needs.labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)),
    ]);
    const known = this.#lines.get(signature);
    if (known !== undefined) return known;
    const fresh: Line = { needs, turns: new Map(), nowhere: false };
    this.#lines.set(signature, fresh);
    return fresh;
  }

  /** Gives room to whoever is first. `except` learns it by the answer to its own call. */
  #serve(except?: string): void {
    const now = performance.now();
    for (const [key, { untilMs }] of this.#kept) if (untilMs < now) this.leave(key);
    for (const [signature, line] of this.#lines) {
      this.#serveLine(line, now, except);
      if (line.turns.size === 0) this.#lines.delete(signature);
    }
    clearTimeout(this.#timer);
    if (this.#waiting > 0 && !this.#stopped) this.#timer = setTimeout(() => this.#serve(), RETRY_MS);
  }

  #serveLine(line: Line, now: number, except: string | undefined): void {
    const room = roomOf(this.#options.spawner, line.needs);
    this.#tell(line, room === 'nowhere');
    if (room === 'nowhere') return;
    const weight = weightOf(line.needs);
    let free = room - this.#keptWeight;
    for (const [key, onTurn] of line.turns) {
      if (free < weight) return;
      free -= weight;
      line.turns.delete(key);
      this.#waiting -= 1;
      this.#keep(key, weight, now + TURN_MS);
      if (key !== except) onTurn();
    }
  }

  #tell(line: Line, nowhere: boolean): void {
    if (nowhere && !line.nowhere)
      this.#options.logger.warn('no spawner or host can take this: it waits for one with such labels', {
        ...line.needs,
      });
    line.nowhere = nowhere;
  }
}
