import type { Logger } from '@shoal/mqtt-link';
import type { Clock } from './clock.ts';
import type { LiveTask } from './live-task.ts';

export interface RunGuardOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** 0: no limit. */
  readonly taskTimeoutMs: number;
  readonly onOutOfTime: () => void;
}

/** A handler that ignores its signal keeps its place this much longer, then the place is given away. */
const ABANDON_MS = 10_000;
const LONGEST_TIMER_MS = 0x7fff_ffff;

/** Puts a time limit on a run, and frees its place when the handler does not end after it was aborted. */
export function guardRun(live: LiveTask, ended: Promise<void>, options: RunGuardOptions): Promise<void> {
  const { clock, taskTimeoutMs, logger, onOutOfTime } = options;
  return new Promise((resolve) => {
    const cancelLimit =
      taskTimeoutMs === 0
        ? undefined
        : clock.setTimer(onOutOfTime, Math.min(taskTimeoutMs, LONGEST_TIMER_MS));
    let cancelAbandon: (() => void) | undefined;
    live.onAbort = () => {
      cancelAbandon = clock.setTimer(() => {
        logger.error('a handler ignores its abort signal; its place is given to the next task', {
          taskId: live.key,
        });
        resolve();
      }, ABANDON_MS);
    };
    void ended.finally(() => {
      cancelLimit?.();
      cancelAbandon?.();
      live.onAbort = undefined;
      resolve();
    });
  });
}
