import type { SessionRecord } from '@shoal/protocol';

/** Milliseconds since 1970 to ISO 8601 with milliseconds and `Z`, as every record has it. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** Message Expiry for a record of this session written now: all of them vanish at one moment, never before the deadline. */
export function recordExpirySeconds(session: Pick<SessionRecord, 'expiresAt'>, now: number): number {
  return Math.max(60, Math.ceil((Date.parse(session.expiresAt) - now) / 1000));
}
