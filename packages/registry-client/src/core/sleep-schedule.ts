import type { AgentCard, AgentExtension } from '@shoal/protocol';
import { MQTT_BINDING } from '@shoal/protocol';

/** URI of the card extension in which an agent says when it is regularly away; its `params` are a `SleepSchedule`. */
export const SLEEP_EXTENSION = `${MQTT_BINDING.uri}#sleep`;

export interface SleepSchedule {
  /** A duty-cycled device: it is back at the latest this many seconds after it was last heard of. */
  readonly wakesEverySeconds?: number;
  /** Times of the day at which it may be away. */
  readonly windows?: readonly SleepWindow[];
}

/** From `start` to `end`, `HH:MM` in UTC; an `end` that is not after `start` is on the next day. */
export interface SleepWindow {
  readonly start: string;
  readonly end: string;
  /** Days on which the window begins, 0 is Sunday. Unset: every day. */
  readonly days?: readonly number[];
}

const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;
/** A window that is read from a card: a card is somebody else's text. */
const MAX_WINDOWS = 64;

/** The extension for a card's `capabilities.extensions`. */
export function sleepExtension(schedule: SleepSchedule): AgentExtension {
  return {
    uri: SLEEP_EXTENSION,
    description: 'When this agent is regularly away from the broker.',
    required: false,
    params: { ...schedule },
  };
}

/** What a card declares; undefined when it declares nothing. Parts that cannot be used are named in `problems`. */
export function readSleepSchedule(
  card: AgentCard,
): { readonly schedule: SleepSchedule; readonly problems: readonly string[] } | undefined {
  const params = card.capabilities.extensions?.find(({ uri }) => uri === SLEEP_EXTENSION)?.params;
  if (params === undefined) return undefined;
  const problems: string[] = [];
  const { wakesEverySeconds, windows = [] } = params;
  const everyIsUsable = typeof wakesEverySeconds === 'number' && wakesEverySeconds > 0;
  if (wakesEverySeconds !== undefined && !everyIsUsable)
    problems.push('wakesEverySeconds must be a number of seconds above 0');
  const usable = Array.isArray(windows) ? windows.slice(0, MAX_WINDOWS).filter(isWindow) : [];
  if (!Array.isArray(windows) || usable.length !== windows.length)
    problems.push(
      'windows must be at most 64 objects like { "start": "22:00", "end": "06:00", "days": [1, 2] }, in UTC',
    );
  const schedule: SleepSchedule = {
    ...(everyIsUsable ? { wakesEverySeconds } : {}),
    ...(usable.length === 0 ? {} : { windows: usable }),
  };
  return { schedule, problems };
}

/** Until when an agent that is away may be away, in milliseconds of the wall clock; undefined when it should be there. */
export function plannedWakeMs(
  schedule: SleepSchedule,
  nowMs: number,
  lastSeenMs: number | undefined,
): number | undefined {
  const { wakesEverySeconds, windows = [] } = schedule;
  const ends = windows.map((window) => endOfWindow(window, nowMs));
  if (wakesEverySeconds !== undefined) ends.push((lastSeenMs ?? nowMs) + wakesEverySeconds * 1000);
  const later = ends.filter((end) => end !== undefined && end > nowMs) as number[];
  return later.length === 0 ? undefined : Math.max(...later);
}

function endOfWindow({ start, end, days }: SleepWindow, nowMs: number): number | undefined {
  const startMinute = minuteOf(start);
  const length = (minuteOf(end) - startMinute + DAY_MINUTES) % DAY_MINUTES || DAY_MINUTES;
  const midnightMs = Math.floor(nowMs / (DAY_MINUTES * MINUTE_MS)) * DAY_MINUTES * MINUTE_MS;
  for (const day of [0, -1]) {
    const startMs = midnightMs + (day * DAY_MINUTES + startMinute) * MINUTE_MS;
    const endMs = startMs + length * MINUTE_MS;
    const onThisDay = days === undefined || days.includes(new Date(startMs).getUTCDay());
    if (onThisDay && startMs <= nowMs && nowMs < endMs) return endMs;
  }
  return undefined;
}

function minuteOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
}

function isWindow(value: unknown): value is SleepWindow {
  if (typeof value !== 'object' || value === null) return false;
  const { start, end, days } = value as Record<string, unknown>;
  const areDays =
    days === undefined ||
    (Array.isArray(days) && days.every((day) => Number.isInteger(day) && day >= 0 && day <= 6));
  return isTime(start) && isTime(end) && areDays;
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && /^([01]\d|2[0-3]):[0-5]\d$/.test(value);
}
