import type { Message, PlannedStep, SessionRecord, StepResult } from '@shoal/protocol';
import type { Json } from '../types/blueprint.ts';
import type { Scope } from './expressions.ts';
import type { SessionView } from './view.ts';

/** What the expressions of a step may see: the results of the steps it needs, directly or not, that have ended. */
export function scopeOf(session: SessionRecord, view: SessionView): Scope {
  const steps: Record<string, Json> = {};
  for (const [stepId, step] of view.steps)
    if (step.result !== undefined) steps[stepId] = stepScope(step.result);
  return {
    variables: session.variables as Record<string, Json>,
    steps,
    request: { text: textOf(session.request), data: dataOf(session.request) },
    session: { id: session.sessionId, workflowId: session.workflowId, createdAt: session.createdAt },
  };
}

function stepScope(result: StepResult): Json {
  return {
    state: result.state,
    output: result.output ?? null,
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

/** Whole results of the needs that have ended, in the order of `needs`. */
export function needsOf(step: PlannedStep, view: SessionView): Record<string, StepResult> {
  const found: Record<string, StepResult> = {};
  for (const { step: id } of step.needs) {
    const result = view.steps.get(id)?.result;
    if (result !== undefined) found[id] = result;
  }
  return found;
}
