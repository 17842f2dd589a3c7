import type { Requester } from '@shoal/agent-sdk';
import type { Link, Logger } from '@shoal/mqtt-link';
import type { RecordError, SessionRecord, StepResult } from '@shoal/protocol';
import type { ActiveStep } from '../core/active-step.ts';
import { interpolate } from '../core/expressions.ts';
import { needsOf, scopeOf } from '../core/scope.ts';
import type { SessionView } from '../core/view.ts';
import { isStepError, isWorkflowError } from '../errors.ts';
import type { Blueprint, Json, StepOutput } from '../types/blueprint.ts';
import type { ArtifactOptions, ArtifactOwner } from '../types/artifact-store.ts';
import type { DelegateContext } from './delegate.ts';
import { loadOutput, storeLarge } from './large-results.ts';

/** As it goes into the record: what is large was stored, and is referred to. */
export type SettledOutput = StepOutput & Pick<StepResult, 'outputRef'>;

/** How the code of a step ended. */
export type WorkEnd =
  | { readonly end: 'output'; readonly output: SettledOutput }
  | { readonly end: 'error'; readonly error: RecordError; readonly deliberate: boolean };

export interface WorkOptions {
  readonly blueprint: Blueprint;
  readonly session: SessionRecord;
  readonly active: ActiveStep;
  readonly view: SessionView;
  readonly attempt: number;
  /** Made when somebody asks for it, as is the next. */
  readonly requester: () => Requester;
  readonly link: () => Link;
  readonly progress: (text: string, data?: Json) => void;
  readonly logger: Logger;
  /** Where large outputs lie. */
  readonly artifacts?: ArtifactOptions | undefined;
}

/** The record of a result may be so large as JSON; more goes into an artifact store. */
export const MAX_RESULT_BYTES = 262_144;

/**
 * Runs the blueprint once. `signalOf` makes the signal when somebody asks for it. Never rejects: an error is an end like any other, and
 * never passes for output (DESIGN rule 8).
 */
export async function runWork(options: WorkOptions, signalOf: () => AbortSignal): Promise<WorkEnd> {
  const { blueprint, session, active } = options;
  try {
    const output = await blueprint.run(await contextOf(options, signalOf));
    const { org, unit, sessionId } = session;
    return await settleOutput(output, { org, unit, sessionId, stepId: active.planned.id }, options.artifacts);
  } catch (error) {
    const signal = signalOf();
    if (signal.aborted && !isStepError(error)) return failure(abortError(signal), false);
    if (isStepError(error)) {
      const { code, message, retryable, effectUnknown, details } = error;
      return failure(
        { code, message, retryable, ...(details === undefined ? {} : { details: jsonOf(details) }) },
        !effectUnknown,
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

async function contextOf(options: WorkOptions, signalOf: () => AbortSignal): Promise<DelegateContext> {
  const { session, active, view } = options;
  const step = active.planned;
  const scope = scopeOf(session, view, active);
  const needs = needsOf(active, view);
  const results = await resultsOf(needs, options.artifacts);
  return {
    org: session.org,
    unit: session.unit,
    sessionId: session.sessionId,
    workflowId: session.workflowId,
    stepId: step.id,
    attempt: options.attempt,
    input: interpolate((step.with ?? {}) as Json, scope) as Record<string, Json>,
    variables: session.variables as Record<string, Json>,
    results,
    needs,
    ...(active.role === 'item' ? { item: active.item, index: active.index } : {}),
    request: session.request,
    get signal() {
      return signalOf();
    },
    get requester() {
      return options.requester();
    },
    get link() {
      return options.link();
    },
    progress: options.progress,
    logger: options.logger,
    use: interpolate({ ...step.use }, scope) as DelegateContext['use'],
  };
}

/** The outputs of needs that have completed; large ones are read from their store, all at once. */
async function resultsOf(
  needs: Readonly<Record<string, StepResult>>,
  artifacts: ArtifactOptions | undefined,
): Promise<Record<string, Json>> {
  const results: Record<string, Json> = {};
  const stored: Promise<void>[] = [];
  for (const [id, result] of Object.entries(needs)) {
    if (result.state !== 'completed') continue;
    results[id] = result.output ?? null;
    if (result.outputRef === undefined) continue;
    stored.push(loadOutput(result, artifacts).then((output) => void (results[id] = output)));
  }
  if (stored.length > 0) await Promise.all(stored);
  return results;
}

/** Is it JSON, and not too much of it? What is large goes into the store, if there is one, before anybody is told of it. */
export async function settleOutput(
  output: StepOutput | undefined,
  owner: ArtifactOwner,
  artifacts: ArtifactOptions | undefined,
): Promise<WorkEnd> {
  if (output === undefined || output.output === undefined)
    return failure(
      {
        code: 'NO_OUTPUT',
        message: 'the blueprint returned no output: return { output }, null if there is none',
      },
      true,
    );
  let text: string;
  let json: StepOutput;
  try {
    text = JSON.stringify(output);
    json = JSON.parse(text) as StepOutput;
  } catch (error) {
    return failure({ code: 'OUTPUT_NOT_JSON', message: `the output is not JSON: ${String(error)}` }, true);
  }
  try {
    if (artifacts === undefined) return bound(json, text);
    const stored = { ...json, ...(await storeLarge(json, owner, artifacts)) };
    return bound(stored, JSON.stringify(stored));
  } catch (error) {
    if (!isStepError(error)) throw error;
    const { code, message, retryable } = error;
    // The work was done; only its result has no place.
    return failure({ code, message, retryable }, !retryable);
  }
}

function bound(output: SettledOutput, text: string): WorkEnd {
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_RESULT_BYTES) return { end: 'output', output };
  return failure(
    {
      code: 'OUTPUT_TOO_LARGE',
      message: `the output takes ${bytes} bytes of at most ${MAX_RESULT_BYTES}: give the host an artifact store, or pass large data by reference (of a fan-out, collect: states)`,
    },
    true,
  );
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
