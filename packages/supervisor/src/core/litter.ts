import { timeMs, type SessionView } from '@shoal/workflow';

/** Clocks differ: so long after its expiry a record is taken for one that the broker keeps. */
const EXPIRED_MS = 60_000;
/** The word that a session was purged outlives the plan, which says for how long. */
const PURGED_MS = 7 * 86_400_000;
/** Records without a plan: the plan is written before them and removed after all but the last two. */
const ORPHANED_MS = 3_600_000;

/** Of a record that does not say when it was written. `seenMs`: since when this reader has seen it. */
export function keptTooLongFromMs(seenMs: number, expirySeconds: number): number {
  return seenMs + expirySeconds * 1000 + EXPIRED_MS;
}

/** From then on the records of a session are litter. `seenMs`: since when this reader has seen it without a plan. */
export function litterFromMs({ session, purge }: SessionView, seenMs: number): number {
  if (session !== undefined) return timeMs(session.expiresAt) + EXPIRED_MS;
  return purge === undefined ? seenMs + ORPHANED_MS : Date.parse(purge.at) + PURGED_MS;
}
