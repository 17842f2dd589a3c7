import { utf8ToBytes } from '@noble/hashes/utils.js';
import type { SessionRecord, TraceContext } from '@shoal/protocol';
import { WorkflowError } from '../errors.ts';
import { canonicalJson } from './canonical-json.ts';
import { sha256Hex } from './sha256.ts';
import { isoTime } from './time.ts';

const MAX_PLAN_BYTES = 262_144;

/** What of a plan its hash covers. */
export type PlanContent = Omit<
  SessionRecord,
  'planHash' | 'createdAt' | 'deadlineAt' | 'expiresAt' | 'trace'
>;

/** Canonical texts of steps that many plans share. */
const stepTexts = new WeakMap<object, string>();

/** Steps that many plans will have, and that nobody changes: their canonical text is made once. */
export function shareSteps<T extends readonly object[]>(steps: T): T {
  for (const step of steps) stepTexts.set(step, canonicalJson(step));
  return steps;
}

/** Adds hash and times. Throws WorkflowError `invalid-request` for a plan that is too large to be one retained message. */
export function sealPlan(
  content: PlanContent,
  deadlineMs: number,
  input: {
    readonly now: number;
    readonly maxPlanBytes?: number;
    readonly trace?: TraceContext | undefined;
  },
): SessionRecord {
  const text = canonicalJson(content, (value) => stepTexts.get(value));
  const bytes = utf8ToBytes(text);
  const limit = input.maxPlanBytes ?? MAX_PLAN_BYTES;
  if (bytes.length > limit)
    throw new WorkflowError(
      'invalid-request',
      `the plan takes ${bytes.length} bytes of at most ${limit}: send less in the message`,
    );
  const deadlineAt = input.now + deadlineMs;
  const lastsMs = ((content.compensationSeconds ?? 0) + content.retentionSeconds) * 1000;
  const sealed: SessionRecord = Object.assign({}, content, {
    planHash: sha256Hex(bytes),
    ...(input.trace === undefined ? {} : { trace: input.trace }),
    createdAt: isoTime(input.now),
    deadlineAt: isoTime(deadlineAt),
    expiresAt: isoTime(deadlineAt + lastsMs),
  });
  verified.add(sealed);
  return sealed;
}

/** Records do not change once they are read or made. */
const verified = new WeakSet<SessionRecord>();

/** Is `planHash` that of the content? A record whose hash is wrong was tampered with or cut, and is not executed. */
export function hasValidHash(record: SessionRecord): boolean {
  if (verified.has(record)) return true;
  const valid = isHashed(record);
  if (valid) verified.add(record);
  return valid;
}

function isHashed(record: SessionRecord): boolean {
  const { planHash, createdAt: _, deadlineAt: __, expiresAt: ___, trace: ____, ...content } = record;
  return sha256Hex(canonicalJson(content)) === planHash;
}
