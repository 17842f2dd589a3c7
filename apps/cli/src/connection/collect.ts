import type { Context } from '../program/context.ts';
import { usageError } from '../errors.ts';

/** More records than these are not kept for `--json`: the oldest go. */
const MOST_KEPT = 10_000;

/** Collects what a watching command sees until it is stopped, saw `count` records, or `seconds` have passed. */
export interface Collector<R> {
  readonly records: readonly R[];
  readonly dropped: number;
  /** False when there was no more to come: then nothing was shown or kept. */
  add(text: string, record: R): boolean;
  /** Resolves when there is no more to come. */
  readonly done: Promise<void>;
  /** Nothing more will come. */
  finish(): void;
}

export interface CollectLimits {
  readonly count?: string | undefined;
  readonly for?: string | undefined;
}

/** Throws CliError `usage` for limits that are no numbers. */
export function collect<R>(context: Context, limits: CollectLimits): Collector<R> {
  const count = positive('--count', limits.count);
  const seconds = positive('--for', limits.for);
  const records: R[] = [];
  let seen = 0;
  let dropped = 0;
  let finish = (): void => undefined;
  const done = new Promise<void>((resolve) => (finish = resolve));
  context.signal.addEventListener('abort', finish);
  if (context.signal.aborted) finish();
  const timer = seconds === undefined ? undefined : setTimeout(finish, seconds * 1000);
  context.atEnd(() => {
    clearTimeout(timer);
    context.signal.removeEventListener('abort', finish);
  });
  return {
    records,
    get dropped() {
      return dropped;
    },
    add(text, record) {
      if (count !== undefined && seen >= count) return false;
      seen += 1;
      context.tell(text, record);
      if (context.format === 'json') {
        records.push(record);
        if (records.length > MOST_KEPT) {
          records.shift();
          dropped += 1;
        }
      }
      if (seen === count) finish();
      return true;
    },
    done,
    finish,
  };
}

export function positive(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw usageError(`${flag} takes a number above 0, not "${text}"`);
}
