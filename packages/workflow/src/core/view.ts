import {
  describeViolations,
  parseJson,
  parseShoalTopic,
  validateApprovalDecision,
  validateApprovalRequest,
  validateAttemptRecord,
  validateCallerRecord,
  validateControlRecord,
  validateSessionClaim,
  validateSessionOutcome,
  validateSessionRecord,
  validateStepIntent,
  validateStepItems,
  validateStepResult,
  validateStepStatus,
  type ApprovalDecision,
  type ApprovalRequest,
  type AttemptRecord,
  type CallerRecord,
  type ControlRecord,
  type SessionClaim,
  type SessionOutcome,
  type SessionRecord,
  type ShoalTopic,
  type StepIntent,
  type StepItems,
  type StepResult,
  type StepRecordKind,
  type StepStatus,
  type Validation,
} from '@shoal/protocol';
import { hasValidHash } from './seal-plan.ts';

export interface SessionAddress {
  readonly org: string;
  readonly unit: string;
  readonly sessionId: string;
}

/** What the retained records say of one step. */
export interface StepView {
  attempt?: AttemptRecord;
  /** Of the claims for the current attempt, the first in topic order that this reader saw (DESIGN rule 4). */
  firstClaimId?: string;
  /** `attempt` follows from the claim to several steps, and has no record of its own. */
  claimedTogether?: true;
  status?: StepStatus;
  intent?: StepIntent;
  result?: StepResult;
  items?: StepItems;
  approval?: ApprovalRequest;
  decision?: ApprovalDecision;
}

/** What the retained records say of one session: a fold, never the truth. Readers may drop it and read again at any time. */
export interface SessionView extends SessionAddress {
  session?: SessionRecord;
  /** Cancel. */
  control?: ControlRecord;
  /** Pause or resume, whichever came last. */
  pause?: ControlRecord;
  purge?: ControlRecord;
  /** More time than planned. */
  extend?: ControlRecord;
  outcome?: SessionOutcome;
  /** To the first attempts of several steps. */
  claim?: SessionClaim;
  /** Of such claims, the first in topic order that this reader saw (DESIGN rule 4). */
  firstClaimId?: string;
  readonly callers: Map<string, CallerRecord>;
  readonly steps: Map<string, StepView>;
}

/** The view before any record was read; `applyRecord` fills it. */
export function emptyView(address: SessionAddress): SessionView {
  return {
    org: address.org,
    unit: address.unit,
    sessionId: address.sessionId,
    callers: new Map(),
    steps: new Map(),
  };
}

export type Applied =
  | { readonly applied: true }
  /** Not a record that can be used; `reason` names the field. Log it and go on. */
  | { readonly applied: false; readonly reason: string }
  /** The record steps back behind one already seen: a late writer. `repair` is what should stand there (rule 4). */
  | { readonly applied: false; readonly reason: string; readonly repair: AttemptRecord };

/**
 * Takes a record that this process has written itself, and that nobody changes any more: it need not be read again. `at`: the topic, for
 * who has parsed it already.
 */
export function putRecord(
  view: SessionView,
  topic: string,
  record: unknown,
  at: ShoalTopic | undefined = parseShoalTopic(topic),
): Applied {
  if (at?.kind === 'attempt') return takeAttempt(stepOf(view, at.stepId), record as AttemptRecord);
  if (at?.kind === 'outcome') {
    view.outcome = record as SessionOutcome;
    return { applied: true };
  }
  if (at?.kind === 'claim') return takeClaim(view, record as SessionClaim);
  if (at?.kind === 'caller') {
    view.callers.set(at.hash, record as CallerRecord);
    return { applied: true };
  }
  if (at?.kind === 'status' || at?.kind === 'result') {
    Object.assign(stepOf(view, at.stepId), { [at.kind]: record });
    return { applied: true };
  }
  if (at?.kind === 'session' && view.session === undefined && hasValidHash(record as SessionRecord)) {
    view.session = record as SessionRecord;
    takeReused(view, view.session);
    return { applied: true };
  }
  // Of what may have been there before, the rules decide.
  return applyRecord(view, topic, JSON.stringify(record), at);
}

/**
 * Takes one retained message into the view. An empty payload removes the record. `at`: the topic, for who has parsed it already. Never
 * throws.
 */
export function applyRecord(
  view: SessionView,
  topic: string,
  payload: Uint8Array | string,
  at: ShoalTopic | undefined = parseShoalTopic(topic),
): Applied {
  if (
    at === undefined ||
    !('sessionId' in at) ||
    at.sessionId !== view.sessionId ||
    at.org !== view.org ||
    at.unit !== view.unit
  )
    return rejected(`${topic} is no record of session ${view.sessionId}`);
  const removed = payload.length === 0;
  switch (at.kind) {
    case 'session':
      return applySession(view, removed, payload);
    case 'control':
    case 'pause':
    case 'purge':
    case 'extend':
      return applyControl(view, at.kind, removed, payload);
    case 'claim':
      return applyClaim(view, removed, payload);
    case 'outcome':
      return set(view, 'outcome', removed, payload, validateSessionOutcome);
    case 'caller':
      return applyCaller(view, at.hash, removed, payload);
    case 'attempt':
      return applyAttempt(stepOf(view, at.stepId), at.stepId, removed, payload);
    case 'status':
    case 'intent':
    case 'result':
    case 'items':
    case 'approval':
    case 'decision':
      return setStep(view, at.stepId, at.kind, removed, payload);
    default:
      return rejected(`${topic} is no record of a session`);
  }
}

/** The view of a set of retained messages, and what could not be used. */
export function foldSession(
  address: SessionAddress,
  records: Iterable<readonly [topic: string, payload: Uint8Array | string]>,
): { readonly view: SessionView; readonly rejected: readonly string[] } {
  const view = emptyView(address);
  const bad: string[] = [];
  for (const [topic, payload] of records) {
    const applied = applyRecord(view, topic, payload);
    if (!applied.applied) bad.push(applied.reason);
  }
  return { view, rejected: bad };
}

/**
 * The first plan that is seen stays. Two supervisors may write the same plan at once, their times a little apart; another plan under
 * the same id, or one whose hash does not fit, is not taken.
 */
function applySession(view: SessionView, removed: boolean, payload: Uint8Array | string): Applied {
  const { session } = view;
  if (session === undefined || removed) {
    const applied = set(view, 'session', removed, payload, validateSessionRecord);
    for (const [, step] of view.steps) if (step.result?.reusedFrom !== undefined) delete step.result;
    for (const [, step] of view.steps) if (isReused(step.items)) delete step.items;
    if (view.session === undefined) return applied;
    if (hasValidHash(view.session)) {
      takeReused(view, view.session);
      return applied;
    }
    delete view.session;
    return rejected(`session ${view.sessionId}: planHash is not that of its content`);
  }
  const read = readRecord(payload, validateSessionRecord);
  if (!read.ok) return rejected(`session ${view.sessionId}: ${read.reason}`);
  return read.value.planHash === session.planHash
    ? { applied: true }
    : rejected(`session ${view.sessionId}: another planHash; a plan is immutable`);
}

/** A re-run carries the results that it takes over in its plan; no other record of them exists. */
function takeReused(view: SessionView, { sessionId, rerun, createdAt }: SessionRecord): void {
  if (rerun === undefined) return;
  for (const result of rerun.results) stepOf(view, result.stepId).result ??= result;
  if (rerun.items === undefined) return;
  stepOf(view, rerun.from).items ??= {
    schemaVersion: 1,
    sessionId,
    stepId: rerun.from,
    attempt: 1,
    claimId: REUSED_CLAIM,
    items: rerun.items,
    at: createdAt,
  };
}

/** Of items that the plan of a re-run carries: no attempt has pinned them. */
const REUSED_CLAIM = 'rerun';

/** They are in the view without a record of their own. */
export function isReused(items: StepItems | undefined): boolean {
  return items?.claimId === REUSED_CLAIM;
}

/** Each word has its own topic; one that stands in another's would be taken for it. */
const WORDS = {
  control: ['cancel'],
  pause: ['pause', 'resume'],
  purge: ['purge'],
  extend: ['extend'],
} as const;

function applyControl(
  view: SessionView,
  kind: keyof typeof WORDS,
  removed: boolean,
  payload: Uint8Array | string,
): Applied {
  const read = removed ? undefined : readRecord(payload, validateControlRecord);
  if (read?.ok === true && !(WORDS[kind] as readonly string[]).includes(read.value.action))
    return rejected(`${kind} of ${view.sessionId}: ${read.value.action} does not belong there`);
  return set(view, kind, removed, payload, validateControlRecord);
}

function stepOf(view: SessionView, stepId: string): StepView {
  const known = view.steps.get(stepId);
  if (known !== undefined) return known;
  const fresh: StepView = {};
  view.steps.set(stepId, fresh);
  return fresh;
}

type Validator<T> = (value: unknown) => Validation<T>;

function set<K extends 'session' | keyof typeof WORDS | 'outcome'>(
  view: SessionView,
  key: K,
  removed: boolean,
  payload: Uint8Array | string,
  validate: Validator<NonNullable<SessionView[K]>>,
): Applied {
  if (removed) {
    delete view[key];
    return { applied: true };
  }
  const read = readRecord(payload, validate);
  if (!read.ok) return rejected(`${key} of ${view.sessionId}: ${read.reason}`);
  if (read.value.sessionId !== view.sessionId) return rejected(`${key}.sessionId is not that of its topic`);
  view[key] = read.value;
  return { applied: true };
}

type OtherStepRecord = Exclude<StepRecordKind, 'attempt'>;

type StepRecord = NonNullable<StepView[OtherStepRecord]>;

const STEP_VALIDATORS: { readonly [K in OtherStepRecord]: Validator<NonNullable<StepView[K]>> } = {
  status: validateStepStatus,
  intent: validateStepIntent,
  result: validateStepResult,
  items: validateStepItems,
  approval: validateApprovalRequest,
  decision: validateApprovalDecision,
};

function setStep(
  view: SessionView,
  stepId: string,
  key: OtherStepRecord,
  removed: boolean,
  payload: Uint8Array | string,
): Applied {
  const step = stepOf(view, stepId);
  if (removed) {
    delete step[key];
    return { applied: true };
  }
  const read = readRecord<StepRecord>(payload, STEP_VALIDATORS[key]);
  if (!read.ok) return rejected(`${key} of ${view.sessionId}/${stepId}: ${read.reason}`);
  if (read.value.sessionId !== view.sessionId || read.value.stepId !== stepId)
    return rejected(`${key} of ${view.sessionId}/${stepId}: sessionId or stepId is not that of its topic`);
  Object.assign(step, { [key]: read.value });
  return { applied: true };
}

function applyCaller(
  view: SessionView,
  hash: string,
  removed: boolean,
  payload: Uint8Array | string,
): Applied {
  if (removed) {
    view.callers.delete(hash);
    return { applied: true };
  }
  const read = readRecord(payload, validateCallerRecord);
  if (!read.ok) return rejected(`caller ${hash} of ${view.sessionId}: ${read.reason}`);
  view.callers.set(hash, read.value);
  return { applied: true };
}

function applyAttempt(
  step: StepView,
  stepId: string,
  removed: boolean,
  payload: Uint8Array | string,
): Applied {
  if (removed) {
    delete step.attempt;
    delete step.firstClaimId;
    delete step.claimedTogether;
    return { applied: true };
  }
  const read = readRecord(payload, validateAttemptRecord);
  if (!read.ok) return rejected(`attempt of ${stepId}: ${read.reason}`);
  const record = read.value;
  if (record.stepId !== stepId) return rejected(`attempt of ${stepId}: stepId is not that of its topic`);
  return takeAttempt(step, record);
}

function takeAttempt(step: StepView, record: AttemptRecord): Applied {
  const known = step.attempt;
  if (known !== undefined && record.attempt < known.attempt)
    return {
      applied: false,
      reason: `attempt ${record.attempt} of ${record.stepId} comes after ${known.attempt}`,
      repair: known,
    };
  if (known === undefined || record.attempt > known.attempt) step.firstClaimId = record.claimId;
  step.attempt = record;
  if (step.claimedTogether === true) delete step.claimedTogether;
  return { applied: true };
}

function applyClaim(view: SessionView, removed: boolean, payload: Uint8Array | string): Applied {
  if (removed) return dropClaim(view);
  const read = readRecord(payload, validateSessionClaim);
  if (!read.ok) return rejected(`claim of ${view.sessionId}: ${read.reason}`);
  if (read.value.sessionId !== view.sessionId) return rejected('claim.sessionId is not that of its topic');
  return takeClaim(view, read.value);
}

/** What a step has a record of says more than a claim to many. */
function takeClaim(view: SessionView, claim: SessionClaim): Applied {
  const { schemaVersion, sessionId, supervisorId, writerId, trace, at } = claim;
  for (const [index, stepId] of claim.steps.entries()) {
    const step = stepOf(view, stepId);
    if (step.attempt !== undefined && step.claimedTogether !== true) continue;
    const claimId = `${claim.claimId}.${index}`;
    step.firstClaimId ??= claimId;
    step.claimedTogether = true;
    step.attempt = {
      schemaVersion,
      sessionId,
      stepId,
      attempt: 1,
      claimId,
      supervisorId,
      ...(trace === undefined ? {} : { trace }),
      writerId,
      at,
    };
  }
  view.firstClaimId ??= claim.claimId;
  view.claim = claim;
  return { applied: true };
}

function dropClaim(view: SessionView): Applied {
  for (const stepId of view.claim?.steps ?? []) {
    const step = view.steps.get(stepId);
    if (step?.claimedTogether !== true) continue;
    delete step.attempt;
    delete step.firstClaimId;
    delete step.claimedTogether;
  }
  delete view.claim;
  delete view.firstClaimId;
  return { applied: true };
}

function readRecord<T>(
  payload: Uint8Array | string,
  validate: Validator<T>,
): { ok: true; value: T } | { ok: false; reason: string } {
  const json = parseJson(payload);
  if (!json.ok) return { ok: false, reason: describeViolations(json.violations) };
  const checked = validate(json.value);
  return checked.ok ? checked : { ok: false, reason: describeViolations(checked.violations) };
}

function rejected(reason: string): Applied {
  return { applied: false, reason };
}

/** The number that counts: a status or result of a lower attempt is old news. */
export function currentAttempt(step: StepView | undefined): number {
  return step?.attempt?.attempt ?? 0;
}

/** The status, unless an attempt claimed later makes it old. */
export function currentStatus(step: StepView | undefined): StepStatus | undefined {
  const status = step?.status;
  return status !== undefined && status.attempt >= currentAttempt(step) ? status : undefined;
}

/** Nothing that has not begun begins; what runs goes on. */
export function isPaused(view: SessionView): boolean {
  return view.pause?.action === 'pause';
}

/** Outcome written, all callers answered, and said so (DESIGN rule 13). */
export function isClosed(view: SessionView): boolean {
  if (view.outcome === undefined || view.session === undefined) return false;
  return view.steps.get(view.session.closer)?.status?.state === 'done';
}
