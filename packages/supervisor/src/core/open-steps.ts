import type { SessionRecord } from '@shoal/protocol';
import {
  claimedItems,
  fanOutOf,
  isPaused,
  itemOf,
  nextCompensation,
  type ActiveStep,
  type SessionView,
} from '@shoal/workflow';

export interface OpenSteps {
  readonly steps: readonly ActiveStep[];
  /** A pause between two waves of a fan-out ends then. */
  readonly wakeAtMs?: number;
}

/**
 * What still needs somebody: steps without a result, the closer until it is done (rule 13), items of a fan-out that are at work or may
 * begin, and the compensation that is due. After the outcome, only the closer.
 */
export function openStepsOf(view: SessionView, session: SessionRecord, now: number): OpenSteps {
  const steps: ActiveStep[] = [];
  let wakeAtMs = Infinity;
  for (const planned of session.steps) {
    const hasResult = view.steps.get(planned.id)?.result !== undefined;
    const isOpen = planned.id === session.closer || (view.outcome === undefined && !hasResult);
    if (isOpen) steps.push({ role: 'step', planned });
    if (planned.forEach === undefined || view.outcome !== undefined) continue;
    steps.push(...claimedItems(view, planned).filter((item) => !isEnded(view, item)));
    const fanOut = hasResult ? undefined : fanOutOf(view, planned, now);
    if (fanOut === undefined || isPaused(view) || view.control !== undefined) continue;
    wakeAtMs = Math.min(wakeAtMs, fanOut.wakeAtMs ?? Infinity);
    steps.push(...fanOut.next.flatMap((index) => itemOf(view, planned, index) ?? []));
  }
  const compensation = view.outcome === undefined ? nextCompensation(view) : undefined;
  if (compensation !== undefined) steps.push(compensation);
  return { steps, ...(wakeAtMs === Infinity ? {} : { wakeAtMs }) };
}

function isEnded(view: SessionView, { planned }: ActiveStep): boolean {
  return view.steps.get(planned.id)?.result !== undefined;
}
