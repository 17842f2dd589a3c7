import type { Logger } from '@shoal/mqtt-link';
import { DEFAULT_CONTEXT_EXPIRY_SECONDS } from '../core/card.ts';
import { expiredContexts } from '../core/expired-contexts.ts';
import type { Clock } from './clock.ts';
import type { StoredTasks } from './stored-tasks.ts';

export interface ContextSweeperOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly contextExpirySeconds?: number | undefined;
}

const LONGEST_PAUSE_SECONDS = 3_600;

/** Forgets contexts that were silent for too long: looks at once, and then at least every hour. */
export class ContextSweeper {
  readonly #options: ContextSweeperOptions;
  readonly #tasks: StoredTasks;
  readonly #expirySeconds: number;
  #cancelTimer: (() => void) | undefined;
  #stopped = false;

  constructor(options: ContextSweeperOptions, tasks: StoredTasks) {
    this.#options = options;
    this.#tasks = tasks;
    this.#expirySeconds = options.contextExpirySeconds ?? DEFAULT_CONTEXT_EXPIRY_SECONDS;
  }

  start(): void {
    if (this.#expirySeconds > 0) void this.#sweep();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
  }

  async #sweep(): Promise<void> {
    const { clock, logger } = this.#options;
    try {
      const expired = expiredContexts(await this.#tasks.list(), clock.nowIso(), this.#expirySeconds);
      await this.#tasks.forget(expired);
      if (expired.length > 0)
        logger.info('contexts that were silent for too long are forgotten', { tasks: expired.length });
    } catch (error) {
      logger.warn('old contexts could not be forgotten', { error: String(error) });
    }
    if (this.#stopped) return;
    const pauseMs = Math.min(this.#expirySeconds, LONGEST_PAUSE_SECONDS) * 1000;
    this.#cancelTimer = clock.setTimer(() => void this.#sweep(), pauseMs);
  }
}
