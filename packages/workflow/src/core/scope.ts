import type { Message, SessionRecord, StepResult } from '@shoal/protocol';
import type { Json } from '../types/blueprint.ts';
import type { Scope } from './expressions.ts';
import type { ActiveStep } from './active-step.ts';
import type { SessionView } from './view.ts';

/** What the expressions of a step may see: the results of the steps it needs, directly or not, that have ended. */
export function scopeOf(session: SessionRecord, view: SessionView, active?: ActiveStep): Scope {
  return new StepScope(session, view, active);
}

/** Most steps have no expression: what is named is made when it is asked for. */
class StepScope implements Scope {
  readonly #session: SessionRecord;
  readonly #view: SessionView;
  readonly #item: Extract<ActiveStep, { role: 'item' }> | undefined;
  #steps: Scope['steps'] | undefined;

  constructor(session: SessionRecord, view: SessionView, active: ActiveStep | undefined) {
    this.#session = session;
    this.#view = view;
    this.#item = active?.role === 'item' ? active : undefined;
  }

  get variables(): Scope['variables'] {
    return this.#session.variables as Record<string, Json>;
  }

  get steps(): Scope['steps'] {
    return (this.#steps ??= stepsScope(this.#session, this.#view));
  }

  get request(): Json {
    const { request } = this.#session;
    return { text: textOf(request), data: dataOf(request) };
  }

  get session(): Json {
    const { sessionId: id, workflowId, createdAt } = this.#session;
    return { id, workflowId, createdAt };
  }

  get item(): Json | undefined {
    return this.#item?.item;
  }

  get index(): number | undefined {
    return this.#item?.index;
  }
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
