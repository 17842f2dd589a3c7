import type { parseShoalTopic } from '@shoal/protocol';
import { emptyView, isReused, type SessionView, type StepView } from './view.ts';

type RecordAddress = NonNullable<ReturnType<typeof parseShoalTopic>>;

/** A view of its own for another reader. The records in it are shared: nobody changes a record. */
export function copyView(view: SessionView): SessionView {
  const copy: SessionView = { ...emptyView(view), ...view, callers: new Map(view.callers), steps: new Map() };
  for (const [stepId, step] of view.steps) copy.steps.set(stepId, { ...step });
  return copy;
}

/** Brings over the one record that changed. What the reader knows of others, its own last words for one, stays. */
export function copyRecord(from: SessionView, to: SessionView, at: RecordAddress): void {
  switch (at.kind) {
    case 'session':
    case 'control':
    case 'pause':
    case 'purge':
    case 'extend':
    case 'outcome':
      if (at.kind === 'session') copyReused(from, to);
      return move(from, to, at.kind);
    case 'caller': {
      const caller = from.callers.get(at.hash);
      if (caller === undefined) to.callers.delete(at.hash);
      else to.callers.set(at.hash, caller);
      return;
    }
    case 'attempt':
    case 'status':
    case 'intent':
    case 'result':
    case 'items':
    case 'approval':
    case 'decision': {
      const [source, target] = [from.steps.get(at.stepId) ?? {}, stepOf(to, at.stepId)];
      if (at.kind === 'attempt') move(source, target, 'firstClaimId');
      return move(source, target, at.kind);
    }
    default:
      return;
  }
}

/** The results and items that a plan carries are in the view without records of their own. */
function copyReused(from: SessionView, to: SessionView): void {
  for (const { stepId } of from.session?.rerun?.results ?? []) {
    const result = from.steps.get(stepId)?.result;
    if (result !== undefined) stepOf(to, stepId).result ??= result;
  }
  for (const [stepId, { items }] of from.steps)
    if (items !== undefined && isReused(items)) stepOf(to, stepId).items ??= items;
}

function stepOf(view: SessionView, stepId: string): StepView {
  const step = view.steps.get(stepId) ?? {};
  view.steps.set(stepId, step);
  return step;
}

function move<T extends object>(from: T, to: T, key: keyof T): void {
  if (from[key] === undefined) delete to[key];
  else to[key] = from[key];
}
