import type { TaskState } from '@shoal/protocol';
import { isTerminal } from '@shoal/protocol';
import { isSettled } from '../core/task-record.ts';

/** Finds what a full store forgets first. It goes on where it stopped: a new walk would pass all the places that were deleted. */
export class Evictor<T> {
  readonly #tasks: Map<string, T>;
  readonly #stateOf: (task: T) => TaskState;
  #walk: MapIterator<[string, T]>;

  constructor(tasks: Map<string, T>, stateOf: (task: T) => TaskState) {
    this.#tasks = tasks;
    this.#stateOf = stateOf;
    this.#walk = tasks.entries();
  }

  /** Deletes the oldest ended task, else the oldest that waits for input; returns its key, or undefined when all are running. */
  evict(): string | undefined {
    const key = this.#find(isTerminal) ?? this.#find(isSettled);
    if (key !== undefined) this.#tasks.delete(key);
    return key;
  }

  #find(fits: (state: TaskState) => boolean): string | undefined {
    for (let lap = 0; lap < 2; lap += 1) {
      for (let next = this.#walk.next(); next.done !== true; next = this.#walk.next()) {
        const [key, task] = next.value;
        if (fits(this.#stateOf(task))) return key;
      }
      this.#walk = this.#tasks.entries();
    }
    return undefined;
  }
}
