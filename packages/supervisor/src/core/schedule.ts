import type { ScheduleTrigger } from '@shoal/protocol';
import { nextRunMs } from '@shoal/workflow';

export interface Due {
  /** Times for which a run is to be made, in order. */
  readonly runs: readonly number[];
  /** Everything up to there is dealt with by them. */
  readonly upToMs: number;
  readonly nextMs?: number;
}

/** A time that is not older was not missed: a supervisor was only a little late. */
const ON_TIME_MS = 60_000;
/** Times that are looked at in one turn: a schedule of every second that slept for a year must not block. */
const MAX_TIMES = 10_000;

/** What of a schedule is due, after everything up to `afterMs` was dealt with. */
export function dueRuns(schedule: ScheduleTrigger, afterMs: number, now: number): Due {
  const { missed = 'skip', maxMissed = 10 } = schedule;
  // What nobody wants need not be counted, however long nobody was there.
  const from = missed === 'skip' ? Math.max(afterMs, now - ON_TIME_MS - 1) : afterMs;
  const times: number[] = [];
  let next = nextRunMs(schedule, from);
  for (let count = 0; next !== undefined && next <= now && count < MAX_TIMES; count += 1) {
    times.push(next);
    next = nextRunMs(schedule, next);
  }
  const fresh = times.filter((at) => now - at <= ON_TIME_MS);
  const old = times.filter((at) => now - at > ON_TIME_MS);
  const caughtUp =
    missed === 'all' ? old.slice(-maxMissed) : missed === 'latest' && fresh.length === 0 ? old.slice(-1) : [];
  return {
    runs: [...caughtUp, ...fresh],
    upToMs: Math.max(afterMs, times.at(-1) ?? afterMs),
    ...(next === undefined ? {} : { nextMs: next }),
  };
}
