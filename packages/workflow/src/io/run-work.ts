import type { Requester } from '@shoal/agent-sdk';
import type { Link, Logger } from '@shoal/mqtt-link';
import type { RecordError, SessionRecord } from '@shoal/protocol';
import type { ActiveStep } from '../core/active-step.ts';
import { interpolate } from '../core/expressions.ts';
import { needsOf, scopeOf } from '../core/scope.ts';
import type { SessionView } from '../core/view.ts';
import { isStepError, isWorkflowError } from '../errors.ts';
import type { Blueprint, Json, StepOutput } from '../types/blueprint.ts';
import type { DelegateContext } from './delegate.ts';

/** How the code of a step ended. */
export type WorkEnd =
  | { readonly end: 'output'; readonly output: StepOutput }
  | { readonly end: 'error'; readonly error: RecordError; readonly deliberate: boolean };

export interface WorkOptions {
  readonly blueprint: Blueprint;
  readonly session: SessionRecord;
  readonly active: ActiveStep;
  readonly view: SessionView;
  readonly attempt: number;
  readonly signal: AbortSignal;
  readonly requester: Requester;
  readonly link: Link;
  readonly progress: (text: string, data?: Json) => void;
  readonly logger: Logger;
}

/** Results of one step may be so large as JSON; more belongs into an artifact by URL. */
export const MAX_RESULT_BYTES = 262_144;

/** Runs the blueprint once. Never rejects: an error is an end like any other, and never passes for output (DESIGN rule 8). */
export async function runWork(options: WorkOptions): Promise<WorkEnd> {
  const { blueprint, active, signal } = options;
  try {
    const output = await blueprint.run(contextOf(options));
    return checkOutput(output);
  } catch (error) {
    if (signal.aborted && !isStepError(error)) return failure(abortError(signal), false);
    if (isStepError(error)) {
      const { code, message, retryable, details } = error;
      return failure(
        { code, message, retryable, ...(details === undefined ? {} : { details: jsonOf(details) }) },
        true,
      );
    }
    if (isWorkflowError(error, 'expression'))
      return failure({ code: 'EXPRESSION', message: `with: ${error.message}` }, true);
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    options.logger.error('the step threw', {
      stepId: active.planned.id,
      error: error instanceof Error ? error.stack : message,
    });
    return failure(
      { code: 'STEP_THREW', message: message.slice(0, 2000), retryable: isRetryable(error) },
      false,
    );
  }
}

/** The reason that the signal was aborted with, as an error record. */
export function abortError(signal: AbortSignal): RecordError {
  const reason: unknown = signal.reason;
  if (isStepError(reason)) return { code: reason.code, message: reason.message, retryable: reason.retryable };
  return { code: 'ABORTED', message: String(reason) };
}

function contextOf(options: WorkOptions): DelegateContext {
  const { session, active, view } = options;
  const step = active.planned;
  const scope = scopeOf(session, view, active);
  const needs = needsOf(active, view);
  const outputs = Object.entries(needs).flatMap(([id, result]) =>
    result.state === 'completed' ? [[id, result.output ?? null] as const] : [],
  );
  return {
    org: session.org,
    unit: session.unit,
    sessionId: session.sessionId,
    workflowId: session.workflowId,
    stepId: step.id,
    attempt: options.attempt,
    input: interpolate((step.with ?? {}) as Json, scope) as Record<string, Json>,
    variables: session.variables as Record<string, Json>,
    results: Object.fromEntries(outputs),
    needs,
    ...(active.role === 'item' ? { item: active.item, index: active.index } : {}),
    request: session.request,
    signal: options.signal,
    requester: options.requester,
    link: options.link,
    progress: options.progress,
    logger: options.logger,
    use: interpolate({ ...step.use }, scope) as DelegateContext['use'],
  };
}

/** Is it JSON, and not too much of it? */
export function checkOutput(output: StepOutput | undefined): WorkEnd {
  if (output === undefined || output.output === undefined)
    return failure(
      {
        code: 'NO_OUTPUT',
        message: 'the blueprint returned no output: return { output }, null if there is none',
      },
      true,
    );
  let text: string;
  try {
    text = JSON.stringify(output);
  } catch (error) {
    return failure({ code: 'OUTPUT_NOT_JSON', message: `the output is not JSON: ${String(error)}` }, true);
  }
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_RESULT_BYTES)
    return failure(
      {
        code: 'OUTPUT_TOO_LARGE',
        message: `the output takes ${bytes} bytes of at most ${MAX_RESULT_BYTES}: pass large data by reference (of a fan-out, collect: states)`,
      },
      true,
    );
  return { end: 'output', output: JSON.parse(text) as StepOutput };
}

/** Codes of errors that say nothing of the work: the connection, the broker or the other side was away. */
const AWAY: ReadonlySet<unknown> = new Set([
  'not-connected',
  'connection-lost',
  'connect-failed',
  'connect-timeout',
  'may-connect-failed',
  'ack-timeout',
  'snapshot-incomplete',
  'request-timeout',
  'server-not-found',
  'server-offline',
]);

/** Errors of the SDK say themselves whether the same may succeed later; those of the link and of MCP by their code. */
function isRetryable(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { retryable, code } = error as { retryable?: unknown; code?: unknown };
  return retryable === true || AWAY.has(code);
}

function jsonOf(value: unknown): Json {
  try {
    return (JSON.parse(JSON.stringify(value) ?? 'null') as Json) ?? null;
  } catch {
    return String(value);
  }
}

function failure(error: RecordError, deliberate: boolean): WorkEnd {
  return { end: 'error', error, deliberate };
}
