import type { ControlRecord, PlannedStep, SessionRecord } from '@shoal/protocol';
import type { Json } from '../types/blueprint.ts';
import { derivedTaskId } from './derived-id.ts';
import { timeMs } from './time.ts';
import { currentAttempt, type SessionView } from './view.ts';

/** Something with records, a client id and attempts of its own: a step of the plan, one item of a fan-out, or a compensation. */
export type ActiveStep =
  | { readonly role: 'step'; readonly planned: PlannedStep }
  | {
      readonly role: 'item';
      readonly planned: PlannedStep;
      /** The step that fans out. */
      readonly of: PlannedStep;
      readonly index: number;
      readonly item: Json;
    }
  | { readonly role: 'compensation'; readonly planned: PlannedStep; readonly of: PlannedStep };

const COMPENSATION = '.compensate';

/** `{stepId}.{index}`, from 0: an item of a fan-out is a step with records and a client id of its own. */
export function itemStepId(stepId: string, index: number): string {
  return `${stepId}.${index}`;
}

/** `{stepId}.compensate`: what undoes a step is one of its own. */
export function compensationStepId(stepId: string): string {
  return `${stepId}${COMPENSATION}`;
}

/** The step that an id stands for. Undefined: there is none, or the fan-out has not pinned such an item. */
export function findStep(view: SessionView, stepId: string): ActiveStep | undefined {
  const { session } = view;
  const planned = session?.steps.find(({ id }) => id === stepId);
  if (planned !== undefined) return { role: 'step', planned };
  const dot = stepId.lastIndexOf('.');
  const of = session?.steps.find(({ id }) => id === stepId.slice(0, dot));
  if (of === undefined) return undefined;
  if (stepId.slice(dot) === COMPENSATION) return compensationOf(of);
  return itemOf(view, of, Number(stepId.slice(dot + 1)));
}

/** Item `index` of a fan-out, as a step. */
export function itemOf(view: SessionView, of: PlannedStep, index: number): ActiveStep | undefined {
  const items = view.steps.get(of.id)?.items?.items;
  if (of.forEach === undefined || items === undefined || !Number.isInteger(index)) return undefined;
  const item = items[index];
  if (item === undefined) return undefined;
  const { forEach: _all, compensate: _whole, when: _asked, ...rest } = of;
  const planned: PlannedStep = { ...rest, id: itemStepId(of.id, index), needs: [], join: 'all' };
  return { role: 'item', planned, of, index, item };
}

export function compensationOf(of: PlannedStep): Extract<ActiveStep, { role: 'compensation' }> | undefined {
  const { compensate } = of;
  if (compensate === undefined) return undefined;
  const planned: PlannedStep = {
    id: compensationStepId(of.id),
    ...(compensate.description === undefined ? {} : { description: compensate.description }),
    use: compensate.use,
    ...(compensate.with === undefined ? {} : { with: compensate.with }),
    needs: [],
    join: 'all',
    timeoutSeconds: compensate.timeoutSeconds ?? of.timeoutSeconds,
    retry: { ...of.retry, ...compensate.retry },
    onFailure: 'continue',
    ...(of.placement === undefined ? {} : { placement: of.placement }),
    ...(compensate.idempotent === undefined ? {} : { idempotent: compensate.idempotent }),
  };
  return { role: 'compensation', planned, of };
}

/** Items of a fan-out that were claimed: whoever ends the session waits for their results too. */
export function claimedItems(view: SessionView, of: PlannedStep): readonly ActiveStep[] {
  const items = view.steps.get(of.id)?.items?.items ?? [];
  return items.flatMap((_, index) => {
    if (currentAttempt(view.steps.get(itemStepId(of.id, index))) === 0) return [];
    const found = itemOf(view, of, index);
    return found === undefined ? [] : [found];
  });
}

/** The sessions that steps of this one run as their work, begun or not. */
export function childSessionIds(view: SessionView): readonly string[] {
  return (view.session?.steps ?? [])
    .filter(({ use }) => use.workflow !== undefined)
    .flatMap(({ id, forEach }) => {
      const items = view.steps.get(id)?.items?.items ?? [];
      return forEach === undefined ? [id] : items.map((_, index) => itemStepId(id, index));
    })
    .map((stepId) => derivedTaskId(view.sessionId, stepId));
}

/**
 * When the session must have ended in milliseconds; compensations have longer. What somebody has extended counts, up to the moment at
 * which compensations would outlast the records.
 */
export function deadlineOf(
  session: SessionRecord,
  extend: ControlRecord | undefined,
  role: ActiveStep['role'] = 'step',
): number {
  const plannedMs = timeMs(session.deadlineAt);
  const deadlineMs =
    extend?.deadlineAt === undefined
      ? plannedMs
      : Math.max(plannedMs, Math.min(timeMs(extend.deadlineAt), latestDeadlineMs(session)));
  return role === 'compensation' ? deadlineMs + (session.compensationSeconds ?? 0) * 1000 : deadlineMs;
}

/** The records of a session vanish at one moment: no extension leads beyond it. */
export function latestDeadlineMs({ expiresAt, compensationSeconds = 0 }: SessionRecord): number {
  return timeMs(expiresAt) - compensationSeconds * 1000;
}

/** Until when somebody has extended a step; of an item also what its fan-out was given. 0: nobody has. */
export function stepExtendedMs(extend: ControlRecord | undefined, active: ActiveStep): number {
  if (extend?.steps === undefined) return 0;
  const { steps } = extend;
  const ids = active.role === 'item' ? [active.planned.id, active.of.id] : [active.planned.id];
  return Math.max(...ids.map((id) => (steps[id] === undefined ? 0 : timeMs(steps[id]))));
}

/** After that nobody acts for the session any more. */
export function lastActMs(session: SessionRecord, extend?: ControlRecord): number {
  return deadlineOf(session, extend, 'compensation');
}
