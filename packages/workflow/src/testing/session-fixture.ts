import type {
  AttemptRecord,
  CallerRecord,
  ControlRecord,
  Message,
  SessionRecord,
  StepIntent,
  StepItems,
  StepResult,
  StepStatus,
} from '@shoal/protocol';
import { parseWorkflow } from '../core/parse-workflow.ts';
import { planWorkflow } from '../core/plan.ts';
import { isoTime } from '../core/time.ts';
import { emptyView, type SessionView, type StepView } from '../core/view.ts';

/** A fixed moment for tests. */
export const T0 = Date.parse('2026-01-01T00:00:00.000Z');
/** The session that every record of these fixtures belongs to. */
export const SESSION_ID = '3f0c2f7e-7a63-4a0b-9d0e-5a8f4f1f2a01';
const base = { schemaVersion: 1 as const, sessionId: SESSION_ID };

/** The A2A message that asks for the session: with `data` a data part, else the text `go`. */
export function requestMessage(data?: Record<string, unknown>): Message {
  return {
    messageId: 'm-1',
    role: 'ROLE_USER',
    taskId: SESSION_ID,
    parts: data === undefined ? [{ text: 'go' }] : [{ data }],
  };
}

/** A plan from YAML, made at T0. */
export function planOf(yaml: string, data?: Record<string, unknown>): SessionRecord {
  const message = requestMessage(data);
  return planWorkflow(parseWorkflow(yaml), {
    org: 'o',
    unit: 'u',
    sessionId: SESSION_ID,
    contextId: SESSION_ID,
    message,
    now: T0,
  });
}

/** YAML of steps that use blueprint `work`: `{ a: [], b: ['a'] }`. Extra YAML lines by step. */
export function graphYaml(
  needs: Record<string, readonly string[]>,
  extra: Record<string, string> = {},
  head = '',
): string {
  const steps = Object.entries(needs).map(
    ([id, ids]) =>
      `  - { id: ${id}, use: { blueprint: work }, needs: [${ids.join(', ')}]${extra[id] === undefined ? '' : `, ${extra[id]}`} }`,
  );
  return `id: flow\ndescription: A test.\n${head}\nsteps:\n${steps.join('\n')}\n`;
}

/** A view with a plan; the rest by `change`. */
export function viewOf(
  session: SessionRecord | undefined,
  steps: Record<string, StepView> = {},
): SessionView {
  const view = emptyView({ org: 'o', unit: 'u', sessionId: SESSION_ID });
  if (session !== undefined) view.session = session;
  for (const [id, records] of Object.entries(steps)) view.steps.set(id, records);
  return view;
}

/** A step whose attempt is claimed and has said nothing yet. */
export function claimed(stepId: string, attempt: number, claimId = `c${attempt}`, at = T0): StepView {
  return { attempt: attemptOf(stepId, attempt, claimId, at), firstClaimId: claimId };
}

/** A supervisor's claim; supervisor `s0`. */
export function attemptOf(stepId: string, attempt: number, claimId = `c${attempt}`, at = T0): AttemptRecord {
  return { ...base, stepId, attempt, claimId, supervisorId: 's0', at: isoTime(at) };
}

/** What an instance says of itself, under the claim `c{attempt}`. */
export function statusOf(
  stepId: string,
  attempt: number,
  state: StepStatus['state'],
  more: Partial<StepStatus> = {},
): StepStatus {
  return { ...base, stepId, attempt, claimId: `c${attempt}`, state, ...more };
}

/** Written before an effect: with another claim than the reader has, the effect is unknown. */
export function intentOf(stepId: string, attempt: number, claimId = `c${attempt}`): StepIntent {
  return { ...base, stepId, attempt, claimId, at: isoTime(T0) };
}

/** What a fan-out has pinned. */
export function itemsOf(stepId: string, items: StepItems['items']): StepItems {
  return { ...base, stepId, attempt: 1, claimId: 'c1', items, at: isoTime(T0) };
}

/** A result of attempt 1. */
export function completed(
  stepId: string,
  output: StepResult['output'] = null,
  more: Partial<StepResult> = {},
): StepResult {
  return { ...base, stepId, attempt: 1, state: 'completed', output, at: isoTime(T0), ...more };
}

/** A result of attempt 1 that is none: `failed`, `skipped`, `canceled` or `unknown`, with an error. */
export function ended(
  stepId: string,
  state: StepResult['state'],
  code = 'X',
  more: Partial<StepResult> = {},
): StepResult {
  return {
    ...base,
    stepId,
    attempt: 1,
    state,
    error: { code, message: `it is ${state}` },
    at: isoTime(T0),
    ...more,
  };
}

/** Cancels the session, for the reason `enough`. */
export function cancelRecord(): ControlRecord {
  return { ...base, action: 'cancel', reason: 'enough', at: isoTime(T0) };
}

/** Somebody who wants the outcome, request id 1, no stream. */
export function callerRecord(responseTopic: string, more: Partial<CallerRecord> = {}): CallerRecord {
  return {
    ...base,
    responseTopic,
    correlationData: 'azE=',
    requestId: 1,
    streaming: false,
    at: isoTime(T0),
    ...more,
  };
}
