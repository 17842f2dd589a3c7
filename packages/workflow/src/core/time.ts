import type { SessionRecord } from '@shoal/protocol';

interface Written {
  readonly ms: number;
  readonly iso: string;
}

/** Many records are made within one millisecond, of a few times: now, when a step began, when its session must have ended. */
const written: (Written | undefined)[] = Array.from({ length: 64 });

/** Milliseconds since 1970 to ISO 8601 with milliseconds and `Z`, as every record has it. */
export function isoTime(ms: number): string {
  const slot = ms & 63;
  const known = written[slot];
  if (known?.ms === ms) return known.iso;
  const iso = new Date(ms).toISOString();
  written[slot] = { ms, iso };
  return iso;
}

const MAX_PARSED = 1_000;
const parsed = new Map<string, number>();

/** ISO 8601 to milliseconds since 1970, remembered: for a time that is read again at every look at its session. */
export function timeMs(iso: string): number {
  const known = parsed.get(iso);
  if (known !== undefined) return known;
  if (parsed.size >= MAX_PARSED) parsed.clear();
  const ms = Date.parse(iso);
  parsed.set(iso, ms);
  return ms;
}

/** Message Expiry for a record of this session written now: all of them vanish at one moment, never before the deadline. */
export function recordExpirySeconds(session: Pick<SessionRecord, 'expiresAt'>, now: number): number {
  return Math.max(60, Math.ceil((timeMs(session.expiresAt) - now) / 1000));
}
