import type { Message, PlannedStep, SessionRecord, StepResult } from '@shoal/protocol';
import { WorkflowError } from '../errors.ts';
import { sealPlan } from './seal-plan.ts';
import type { SessionView } from './view.ts';

export interface RerunInput {
  readonly sessionId: string;
  readonly contextId: string;
  /** Of the request; its id is what a repeated request is known by. */
  readonly message: Message;
  /** Run this step again, and whatever depends on it. */
  readonly from: string;
  /** Needed when a step that is not idempotent would act again. Default false. */
  readonly repeatEffects?: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A re-run carries results; it may be larger than the plan of a first run. */
const MAX_RERUN_BYTES = 900_000;

/**
 * The plan of a session that does again what another did from a step on: the same steps, variables and request, whatever has become of
 * the workflow's definition, and the results of the other steps that completed. Throws WorkflowError `invalid-request`.
 */
export function planRerun(of: SessionView, input: RerunInput): SessionRecord {
  const { session, outcome } = of;
  if (session === undefined || outcome === undefined)
    throw refuse(`session ${of.sessionId} has not ended: a re-run begins from its outcome`);
  const again = stepsToRepeat(of, session, input.from);
  const acted = session.steps.filter((step) => again.has(step.id) && hasActed(of, step)).map(({ id }) => id);
  if (acted.length > 0 && input.repeatEffects !== true)
    throw refuse(`${acted.join(', ')} would act again and is not idempotent: ask for repeatEffects`);
  const results = session.steps.flatMap((step): StepResult[] => {
    const result = of.steps.get(step.id)?.result;
    if (again.has(step.id) || result === undefined) return [];
    return [{ ...result, sessionId: input.sessionId, reusedFrom: session.sessionId }];
  });
  const { planHash: _, createdAt, deadlineAt, expiresAt: __, parent: ___, ...content } = session;
  return sealPlan(
    {
      ...content,
      sessionId: input.sessionId,
      contextId: input.contextId,
      request: {
        ...session.request,
        messageId: input.message.messageId,
        taskId: input.sessionId,
        contextId: input.contextId,
      },
      rerun: { of: session.sessionId, from: input.from, results },
    },
    Date.parse(deadlineAt) - Date.parse(createdAt),
    { now: input.now, maxPlanBytes: MAX_RERUN_BYTES },
  );
}

/** `from`, every step without a result worth keeping, and all that depend on those. */
function stepsToRepeat(of: SessionView, session: SessionRecord, from: string): ReadonlySet<string> {
  if (!session.steps.some(({ id }) => id === from))
    throw refuse(`"${from}" is no step: there are ${session.steps.map(({ id }) => id).join(', ')}`);
  const again = new Set<string>();
  for (const step of session.steps)
    if (step.id === from || !isKept(of, step) || step.needs.some((edge) => again.has(edge.step)))
      again.add(step.id);
  return again;
}

function isKept(of: SessionView, step: PlannedStep): boolean {
  const result = of.steps.get(step.id)?.result;
  return (
    result?.state === 'completed' || (result?.state === 'skipped' && result.error?.code === 'CONDITION_FALSE')
  );
}

function hasActed(of: SessionView, step: PlannedStep): boolean {
  const records = of.steps.get(step.id);
  const state = records?.result?.state;
  const acts = step.idempotent === false || records?.intent !== undefined;
  return acts && (state === 'completed' || state === 'unknown');
}

function refuse(message: string): WorkflowError {
  return new WorkflowError('invalid-request', message);
}
