import type { PlannedStep } from '@shoal/protocol';
import {
  approvalExpiresAt,
  deadlineOf,
  itemStepId,
  pendingApprovals,
  type SessionView,
} from '@shoal/workflow';
import { actionsFor, sessionState } from './session-row.ts';

/** What can be given more time. */
export interface Extendable {
  /** Undefined: the whole session. */
  readonly stepId: string | undefined;
  readonly label: string;
  /** Until when it has now; undefined for a step whose attempts have what the plan gives each. */
  readonly untilMs: number | undefined;
}

const LABEL_CHARACTERS = 40;

/** The session, each of its steps and approvals that has not ended, and items at work; nothing where time no longer counts. */
export function extendable(view: SessionView): readonly Extendable[] {
  const { session, extend } = view;
  if (session === undefined || !actionsFor(sessionState(view)).includes('extend')) return [];
  const asked = new Set(pendingApprovals(view).map(({ id }) => id));
  const steps = session.steps
    .filter(({ id }) => view.steps.get(id)?.result === undefined)
    .flatMap((step): Extendable[] => {
      const { id } = step;
      const until = asked.has(id) ? approvalExpiresAt(view, id) : extend?.steps?.[id];
      const label = `${asked.has(id) ? 'Approval' : 'Step'} ${id}`;
      return [{ stepId: id, label, untilMs: latest(until) }, ...itemsAtWork(view, step)];
    });
  return [{ stepId: undefined, label: 'The whole session', untilMs: deadlineOf(session, extend) }, ...steps];
}

/** Claimed and without a result: never more than the concurrency of the fan-out. */
function itemsAtWork({ steps, extend }: SessionView, { id: fanOut }: PlannedStep): readonly Extendable[] {
  const items = steps.get(fanOut)?.items?.items ?? [];
  return items.flatMap((item, index) => {
    const id = itemStepId(fanOut, index);
    const records = steps.get(id);
    if (records?.attempt === undefined || records.result !== undefined) return [];
    const untilMs = latest(extend?.steps?.[id], extend?.steps?.[fanOut]);
    return [{ stepId: id, label: `Item ${id}: ${shortText(item)}`, untilMs }];
  });
}

function latest(...times: readonly (string | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined).map((time) => Date.parse(time));
  return known.length === 0 ? undefined : Math.max(...known);
}

function shortText(item: unknown): string {
  const text = typeof item === 'string' ? item : JSON.stringify(item);
  return text.length > LABEL_CHARACTERS ? `${text.slice(0, LABEL_CHARACTERS - 1)}…` : text;
}

/** The moment so many minutes from now; throws Error for what is no number above 0. */
export function untilOf(minutes: string, nowMs: number): number {
  const count = minutes.trim() === '' ? Number.NaN : Number(minutes);
  if (Number.isFinite(count) && count > 0) return nowMs + count * 60_000;
  throw new Error(`Minutes must be a number above 0, not "${minutes}"`);
}
