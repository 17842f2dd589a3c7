import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { ProtocolError } from './protocol-error.ts';

/** Org, unit, agent, pool, group, session, step, task and device ids (profile: Identifier Format). */
export const IDENTIFIER_PATTERN = '^[A-Za-z0-9_.-]+$';

const identifier = new RegExp(IDENTIFIER_PATTERN);
const uuid4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** Whether it matches `IDENTIFIER_PATTERN`: so it is one level of a topic, and no wildcard. */
export function isIdentifier(value: unknown): value is string {
  return typeof value === 'string' && identifier.test(value);
}

/** Throws ProtocolError `invalid-identifier`; `field` is the name that the message blames. */
export function assertIdentifier(field: string, value: unknown): asserts value is string {
  if (isIdentifier(value)) return;
  throw new ProtocolError(
    'invalid-identifier',
    `${field} ${JSON.stringify(value) ?? 'undefined'} is not an identifier: use one or more of A-Z a-z 0-9 _ . -`,
    { field },
  );
}

/** As `assertIdentifier`; also refuses `pool`, which names the level below which pools live. */
export function assertAgentId(field: string, value: unknown): asserts value is string {
  assertIdentifier(field, value);
  if (value !== 'pool') return;
  throw new ProtocolError(
    'invalid-identifier',
    `${field} "pool" is reserved for pool topics: choose another id`,
    {
      field,
    },
  );
}

/** A `Task.id` that a requester may choose: UUID version 4 of RFC 9562, in either case (profile: Request/Reply Mapping). */
export function isTaskId(value: unknown): value is string {
  return typeof value === 'string' && uuid4.test(value);
}

/** Task ids compare without regard to case; this is the form to store and compare. */
export function normalizeTaskId(taskId: string): string {
  return taskId.toLowerCase();
}

const maxGroupIdLength = 64;

/**
 * The consumer group of a pool: `a2a.{org}.{unit}.{poolId}`, the same on every member. Longer than 64 characters: the first 51,
 * a dot, and 12 hex digits of the whole name's SHA-256.
 */
export function groupIdOf(pool: {
  readonly org: string;
  readonly unit: string;
  readonly poolId: string;
}): string {
  assertIdentifier('org', pool.org);
  assertIdentifier('unit', pool.unit);
  assertIdentifier('poolId', pool.poolId);
  const full = `a2a.${pool.org}.${pool.unit}.${pool.poolId}`;
  if (full.length <= maxGroupIdLength) return full;
  return `${full.slice(0, 51)}.${bytesToHex(sha256(utf8ToBytes(full))).slice(0, 12)}`;
}

/** Makes a label from outside (a deployment name, say) fit for a group id: what is not in `A-Z a-z 0-9 . _` becomes `_`. */
export function groupLabel(label: string): string {
  return label.replace(/[^A-Za-z0-9._]/gu, '_');
}
