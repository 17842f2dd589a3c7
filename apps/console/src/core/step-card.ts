import type { PlannedStep, RecordError, StepResultState, StepStatusState } from '@shoal/protocol';
import {
  approvalExpiresAt,
  currentStatus,
  fanOutOf,
  findStep,
  readinessOf,
  type FanOut,
  type SessionView,
} from '@shoal/workflow';

/** The state of a step: its result's, else its status's, else how far it has come without one. */
export type StepState =
  | StepResultState
  | Exclude<StepStatusState, 'done'>
  | 'claimed'
  | 'pending'
  | 'approval';

export interface StepCard {
  readonly id: string;
  readonly description: string;
  /** `blueprint diagnose`, `agent pump-01`, … */
  readonly use: string;
  readonly state: StepState;
  /** 0: nobody has claimed it yet. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** An attempt before this one died or failed. */
  readonly retried: boolean;
  /** The client id of the instance. */
  readonly instance: string;
  readonly supervisorId: string | undefined;
  readonly needs: readonly string[];
  readonly input: unknown;
  readonly output: unknown;
  readonly summary: string | undefined;
  readonly error: RecordError | undefined;
  /** What it waits for, in words. */
  readonly waits: string | undefined;
  readonly claimedMs: number | undefined;
  readonly startedMs: number | undefined;
  readonly endedMs: number | undefined;
  /** Until when somebody gave it more time. */
  readonly extendedMs: number | undefined;
  readonly fanOut: FanOut | undefined;
  readonly reusedFrom: string | undefined;
  readonly actsOnce: boolean;
}

/** A card for each step of the plan, in the plan's order. */
export function stepCards(view: SessionView, nowMs: number): readonly StepCard[] {
  return (view.session?.steps ?? []).map((step) => stepCard(view, step, nowMs));
}

/** Cards of the items of a fan-out that were claimed; at most `limit`. */
export function itemCards(
  view: SessionView,
  stepId: string,
  nowMs: number,
  limit = 200,
): readonly StepCard[] {
  const items = view.steps.get(stepId)?.items?.items ?? [];
  return items.slice(0, limit).flatMap((item, index) => {
    const found = findStep(view, `${stepId}.${index}`);
    return found === undefined ? [] : [{ ...stepCard(view, found.planned, nowMs), input: item }];
  });
}

function stepCard(view: SessionView, step: PlannedStep, nowMs: number): StepCard {
  const records = view.steps.get(step.id);
  const status = currentStatus(records);
  const result = records?.result;
  const state = stateOf(view, step, nowMs);
  const attempt = Math.max(records?.attempt?.attempt ?? 0, result?.attempt ?? 0);
  const fanOut = fanOutOf(view, step, nowMs);
  return {
    id: step.id,
    description: step.description ?? '',
    use: useText(step),
    state,
    attempt,
    maxAttempts: step.retry.maxAttempts ?? 3,
    retried: attempt > 1 && !parks(step),
    instance: `${view.org}/${view.unit}/${view.sessionId}.${step.id}`,
    supervisorId: records?.attempt?.supervisorId,
    needs: step.needs.map((edge) => edge.step),
    input: step.with,
    output: result?.output,
    summary: result?.summary,
    error: result?.error ?? status?.error,
    waits: result === undefined ? waitsOf(view, step, nowMs) : undefined,
    claimedMs: time(records?.attempt?.at),
    startedMs: time(result?.startedAt) ?? (status?.state === 'running' ? time(status.at) : undefined),
    endedMs: time(result?.at),
    extendedMs: time(view.extend?.steps?.[step.id]),
    fanOut,
    reusedFrom: result?.reusedFrom,
    actsOnce: step.idempotent === false || records?.intent !== undefined,
  };
}

function stateOf(view: SessionView, step: PlannedStep, nowMs: number): StepState {
  const records = view.steps.get(step.id);
  if (records?.result !== undefined) return records.result.state;
  if (records?.approval !== undefined) return 'approval';
  const status = currentStatus(records);
  if (status !== undefined && status.state !== 'done') return status.state;
  if (records?.attempt === undefined) return 'pending';
  // Claimed with others, it begins when its needs have ended.
  const readiness = readinessOf(step, (id) => view.steps.get(id)?.result, nowMs);
  return records.claimedTogether === true && readiness.ready === 'waiting' ? 'pending' : 'claimed';
}

function waitsOf(view: SessionView, step: PlannedStep, nowMs: number): string | undefined {
  const records = view.steps.get(step.id);
  const { approval } = records ?? {};
  if (approval !== undefined)
    return `the word of ${approval.approvers?.join(', ') ?? 'a person'}, until ${approvalExpiresAt(view, step.id)}`;
  const status = currentStatus(records);
  if (status?.state === 'lost')
    return 'a supervisor to find out whether it is dead, and to spawn the next attempt';
  if (status?.state === 'retrying')
    return `its next attempt${status.retryAt === undefined ? '' : ` at ${status.retryAt}`}`;
  const open = step.needs.map((edge) => edge.step).filter((id) => view.steps.get(id)?.result === undefined);
  if (open.length > 0) return open.join(', ');
  if (view.pause?.action === 'pause' && status?.state !== 'running') return 'the session to be resumed';
  if (records?.attempt === undefined) return 'a supervisor to claim it';
  const fanOut = fanOutOf(view, step, nowMs);
  if (fanOut !== undefined && !fanOut.over)
    return `${fanOut.total - fanOut.completed - fanOut.failed} of ${fanOut.total} items`;
  return undefined;
}

/** Steps that wait for others or for a person leave, and are taken up again by a further attempt: nothing died. */
function parks({ forEach, use }: PlannedStep): boolean {
  return forEach !== undefined || use.approval !== undefined || use.workflow !== undefined;
}

export function useText({ use }: PlannedStep): string {
  if (use.approval !== undefined) return 'approval by a person';
  for (const kind of ['blueprint', 'agent', 'skill', 'pool', 'workflow'] as const) {
    const name = use[kind];
    if (name !== undefined) return `${kind} ${typeof name === 'string' ? name : JSON.stringify(name)}`;
  }
  return 'unknown';
}

function time(iso: string | undefined): number | undefined {
  if (iso === undefined) return undefined;
  const ms = Date.parse(iso);
  return Number.isFinite(ms) ? ms : undefined;
}
