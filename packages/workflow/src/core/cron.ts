import type { ScheduleTrigger } from '@shoal/protocol';
import { Cron } from 'croner';

/** The first time after `afterMs`, in milliseconds since the epoch; undefined when there is none. Throws for a pattern that is none. */
export function nextRunMs({ cron, timezone = 'UTC' }: ScheduleTrigger, afterMs: number): number | undefined {
  return new Cron(cron, { paused: true, timezone }).nextRun(new Date(afterMs))?.getTime();
}

/** What is wrong with it; undefined when it can be used. */
export function cronProblem(schedule: ScheduleTrigger): string | undefined {
  try {
    const next = nextRunMs(schedule, Date.UTC(2026, 0, 1));
    return next === undefined ? `"${schedule.cron}" never comes` : undefined;
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  }
}
