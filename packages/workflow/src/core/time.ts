import type { SessionRecord } from '@shoal/protocol';

/** Many records are made within one millisecond. */
let lastMs = 0;
let lastIso = new Date(lastMs).toISOString();

/** Milliseconds since 1970 to ISO 8601 with milliseconds and `Z`, as every record has it. */
export function isoTime(ms: number): string {
  if (ms !== lastMs) {
    lastIso = new Date(ms).toISOString();
    lastMs = ms;
  }
  return lastIso;
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
