import type { TelemetryTrigger, TriggerRecord } from '@shoal/protocol';

/** What one message says of its key. */
export interface Sample {
  readonly matches: boolean;
  readonly clears: boolean;
}

/** What a supervisor knows of one key: the record that all share, and since when it has seen the condition hold. */
export interface AlarmState {
  readonly record?: TriggerRecord;
  readonly heldSinceMs?: number;
}

export interface AlarmStep {
  readonly do: 'nothing' | 'fire' | 'arm';
  readonly heldSinceMs?: number;
}

const DEFAULT_COOLDOWN_SECONDS = 60;

/** One alarm is one run: between `fire` and `arm` messages change nothing, and after `arm` another may come once it is cool. */
export function onSample(
  state: AlarmState,
  { matches, clears }: Sample,
  trigger: TelemetryTrigger,
  now: number,
): AlarmStep {
  const { record } = state;
  if (record?.state === 'fired') return { do: clears ? 'arm' : 'nothing' };
  if (!matches) return { do: 'nothing' };
  const heldSinceMs = state.heldSinceMs ?? now;
  const { forSeconds = 0, cooldownSeconds = DEFAULT_COOLDOWN_SECONDS } = trigger;
  const coolMs = record?.firedAt === undefined ? 0 : Date.parse(record.firedAt) + cooldownSeconds * 1000;
  const isDue = now - heldSinceMs >= forSeconds * 1000 && now >= coolMs;
  return { do: isDue ? 'fire' : 'nothing', heldSinceMs };
}

/**
 * Does `next` step over `known`? What is older than what was seen comes from a late writer. A schedule has no episodes: its time goes
 * forward. Of two claims of one alarm the first counts.
 */
export function isNewer(next: TriggerRecord, known: TriggerRecord | undefined): boolean {
  if (known === undefined || rank(next) > rank(known)) return true;
  return next.episode === 0 && known.episode === 0 && next.at > known.at;
}

/** fired n, armed n, fired n + 1, … */
function rank({ episode, state }: TriggerRecord): number {
  return episode * 2 + (state === 'armed' ? 1 : 0);
}
