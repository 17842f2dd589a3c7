import type {
  Message,
  PlannedStep,
  SessionRecord,
  StepItems,
  StepResult,
  TraceContext,
} from '@shoal/protocol';
import { WorkflowError } from '../errors.ts';
import { compensationOf, itemStepId } from './active-step.ts';
import { sealPlan } from './seal-plan.ts';
import type { SessionView } from './view.ts';

export interface RerunInput {
  readonly sessionId: string;
  readonly contextId: string;
  /** Of the request; its id is what a repeated request is known by. */
  readonly message: Message;
  /** Run this step again, and whatever depends on it. */
  readonly from: string;
  /**
   * Of a fan-out `from`: run only these of its items again, each by its index or by the item's own text, `id` or `agentId`; `failed`: all
   * that did not complete. The others keep what they gave. Unset: all.
   */
  readonly items?: 'failed' | readonly string[] | undefined;
  /** Needed when a step that is not idempotent would act again. Default false. */
  readonly repeatEffects?: boolean;
  /** Of the request for the re-run; that of the earlier session stays with it. */
  readonly trace?: TraceContext | undefined;
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
  const fanOut = input.items === undefined ? undefined : itemsToRepeat(of, session, input.from, input.items);
  const acted = session.steps
    .filter(({ id }) => again.has(id))
    .flatMap((step) => actedIn(of, step, step.id === input.from ? fanOut?.again : undefined));
  if (acted.length > 0 && input.repeatEffects !== true)
    throw refuse(`${acted.join(', ')} would act again and is not idempotent: ask for repeatEffects`);
  const kept = session.steps.filter(({ id }) => !again.has(id)).map(({ id }) => id);
  const results = [...kept, ...(fanOut?.kept ?? [])].flatMap((id): StepResult[] => {
    const result = of.steps.get(id)?.result;
    if (result === undefined) return [];
    return [{ ...result, sessionId: input.sessionId, reusedFrom: session.sessionId }];
  });
  const { planHash: _, createdAt, deadlineAt, expiresAt: __, parent: ___, trace: ____, ...content } = session;
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
      rerun: {
        of: session.sessionId,
        from: input.from,
        results,
        ...(fanOut === undefined ? {} : { items: fanOut.items }),
      },
    },
    Date.parse(deadlineAt) - Date.parse(createdAt),
    { now: input.now, maxPlanBytes: MAX_RERUN_BYTES, trace: input.trace },
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
  if (wasUndone(of, step)) return false;
  const result = of.steps.get(step.id)?.result;
  return (
    result?.state === 'completed' || (result?.state === 'skipped' && result.error?.code === 'CONDITION_FALSE')
  );
}

/** Or begun to be: what it gave is worth nothing any more. */
function wasUndone(of: SessionView, step: PlannedStep): boolean {
  const undoing = compensationOf(step)?.planned.id;
  return undoing !== undefined && of.steps.get(undoing)?.attempt !== undefined;
}

interface FanOutAgain {
  readonly items: StepItems['items'];
  /** Ids of items. */
  readonly again: readonly string[];
  readonly kept: readonly string[];
}

/** Which items of a fan-out run again. An item that never began does, whoever was named: it has nothing to keep. */
function itemsToRepeat(
  of: SessionView,
  session: SessionRecord,
  from: string,
  wanted: 'failed' | readonly string[],
): FanOutAgain {
  const step = session.steps.find(({ id }) => id === from);
  const items = of.steps.get(from)?.items?.items;
  if (step?.forEach === undefined || items === undefined)
    throw refuse(`"${from}" has no items: it is no fan-out, or never came so far`);
  if (wasUndone(of, step))
    throw refuse(`"${from}" was undone, with all its items: run it again as a whole, without items`);
  if (wanted !== 'failed')
    for (const key of wanted)
      if (!items.some((item, index) => isNamed(item, index, key)))
        throw refuse(
          `"${key}" is no item of "${from}": name one by its index (0 to ${items.length - 1}), text, id or agentId`,
        );
  const ids = items.map((_, index) => itemStepId(from, index));
  const again = ids.filter((id, index) => {
    const result = of.steps.get(id)?.result;
    if (result === undefined) return true;
    if (wanted === 'failed') return result.state !== 'completed';
    return wanted.some((key) => isNamed(items[index], index, key));
  });
  if (again.length === 0) throw refuse(`every item of "${from}" completed: name those that are to run again`);
  return { items, again, kept: ids.filter((id) => !again.includes(id)) };
}

function isNamed(item: unknown, index: number, key: string): boolean {
  if (key === String(index) || key === item) return true;
  const { id, agentId } = (typeof item === 'object' ? (item ?? {}) : {}) as Record<string, unknown>;
  return key === id || key === agentId;
}

/** Those that act on the world and did: the step itself, and of a fan-out its items, or the ones of `only`. */
function actedIn(of: SessionView, step: PlannedStep, only?: readonly string[]): readonly string[] {
  const count = step.forEach === undefined ? 0 : (of.steps.get(step.id)?.items?.items.length ?? 0);
  const items = only ?? Array.from({ length: count }, (_, index) => itemStepId(step.id, index));
  const ids = step.forEach === undefined ? [step.id] : items;
  return ids.filter((id) => hasActed(of, step, id));
}

function hasActed(of: SessionView, step: PlannedStep, id: string): boolean {
  const records = of.steps.get(id);
  const state = records?.result?.state;
  const acts = step.idempotent === false || records?.intent !== undefined;
  return acts && (state === 'completed' || state === 'unknown');
}

function refuse(message: string): WorkflowError {
  return new WorkflowError('invalid-request', message);
}
