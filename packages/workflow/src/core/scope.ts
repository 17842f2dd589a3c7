import type { Message, SessionRecord, StepResult } from '@shoal/protocol';
import type { Json } from '../types/blueprint.ts';
import type { Scope } from './expressions.ts';
import type { ActiveStep } from './active-step.ts';
import type { SessionView } from './view.ts';

/** What the expressions of a step may see: the results of the steps it needs, directly or not, that have ended. */
export function scopeOf(session: SessionRecord, view: SessionView, active?: ActiveStep): Scope {
  let steps: Scope['steps'] | undefined;
  return {
    variables: session.variables as Record<string, Json>,
    // Most steps have no expression.
    get steps() {
      return (steps ??= stepsScope(session, view));
    },
    get request() {
      return { text: textOf(session.request), data: dataOf(session.request) };
    },
    session: { id: session.sessionId, workflowId: session.workflowId, createdAt: session.createdAt },
    ...(active?.role === 'item' ? { item: active.item, index: active.index } : {}),
  };
}

function stepsScope(session: SessionRecord, view: SessionView): Scope['steps'] {
  const steps: Record<string, Json> = {};
  for (const { id } of session.steps) {
    const result = view.steps.get(id)?.result;
    if (result !== undefined) steps[id] = stepScope(result);
  }
  return steps;
}

function stepScope(result: StepResult): Json {
  return {
    state: result.state,
    output: result.output ?? null,
    ...(result.outputRef === undefined ? {} : { outputRef: { ...result.outputRef } }),
    error: (result.error ?? null) as Json,
    summary: result.summary ?? '',
  };
}

/** Text parts of a message, joined by line breaks. */
export function textOf(message: Message): string {
  return message.parts
    .flatMap((part) => ('text' in part && typeof part.text === 'string' ? [part.text] : []))
    .join('\n');
}

/** The first data part of a message, or null. */
export function dataOf(message: Message): Json {
  const part = message.parts.find((part) => 'data' in part);
  return part !== undefined && 'data' in part ? (part.data as Json) : null;
}

/**
 * Whole results of the needs that have ended, in the order of `needs`. An item sees those of the step that fans out, a compensation
 * the one that it undoes.
 */
export function needsOf(active: ActiveStep, view: SessionView): Record<string, StepResult> {
  const ids =
    active.role === 'compensation'
      ? [active.of.id]
      : (active.role === 'item' ? active.of : active.planned).needs.map(({ step }) => step);
  const found: Record<string, StepResult> = {};
  for (const id of ids) {
    const result = view.steps.get(id)?.result;
    if (result !== undefined) found[id] = result;
  }
  return found;
}
