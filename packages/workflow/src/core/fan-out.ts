import type { CountOrPercent, PlannedStep, RecordError, StepForEach, StepResultState } from '@shoal/protocol';
import type { Json } from '../types/blueprint.ts';
import { itemStepId } from './active-step.ts';
import { currentAttempt, type SessionView, type StepView } from './view.ts';

export const DEFAULT_MAX_ITEMS = 100;
const DEFAULT_CONCURRENCY = 10;

/** Where a fan-out stands, from the records of its items. */
export interface FanOut {
  readonly total: number;
  readonly completed: number;
  /** Ended otherwise. */
  readonly failed: number;
  /** Claimed and not ended. */
  readonly running: number;
  readonly budget: number;
  /** More failed than the budget allows. */
  readonly exceeded: boolean;
  /** Every item has ended, or no further one will begin and none is at work. */
  readonly over: boolean;
  /** Items that may begin now, in order. */
  readonly next: readonly number[];
  /** The pause between two waves ends then. */
  readonly wakeAtMs?: number;
}

/** Undefined while the items are not pinned. */
export function fanOutOf(view: SessionView, step: PlannedStep, now: number): FanOut | undefined {
  const { forEach } = step;
  const pinned = view.steps.get(step.id)?.items;
  if (forEach === undefined || pinned === undefined) return undefined;
  const items = pinned.items.map((_, index) => view.steps.get(itemStepId(step.id, index)));
  const total = items.length;
  const ended = items.flatMap((records) => (records?.result === undefined ? [] : [records.result]));
  const completed = ended.filter(({ state }) => state === 'completed').length;
  const failed = ended.length - completed;
  const running = items.filter(
    (records) => records?.result === undefined && currentAttempt(records) > 0,
  ).length;
  const budget = countOf(forEach.failureBudget ?? 0, total, Math.floor);
  const exceeded = failed > budget;
  // Failures that a re-run has taken over keep no other item from running again.
  const failedHere = ended.filter(
    ({ state, reusedFrom }) => state !== 'completed' && reusedFrom === undefined,
  );
  const stops = failedHere.length > budget || ended.length === total;
  const over = running === 0 && stops;
  const counts = { total, completed, failed, running, budget, exceeded, over };
  if (stops) return { ...counts, next: [] };
  return { ...counts, ...whatNext(items, forEach, running, now) };
}

function whatNext(
  items: readonly (StepView | undefined)[],
  forEach: StepForEach,
  running: number,
  now: number,
): Pick<FanOut, 'next' | 'wakeAtMs'> {
  const firstOpen = items.findIndex((records) => records?.result === undefined);
  const ends = waveEnds(forEach, items.length);
  const wave = ends.findIndex((end) => firstOpen < end);
  const from = wave === 0 ? 0 : (ends[wave - 1] ?? 0);
  const wakeAtMs = from === 0 ? 0 : endOf(items.slice(0, from)) + (forEach.wavePauseSeconds ?? 0) * 1000;
  if (now < wakeAtMs) return { next: [], wakeAtMs };
  const room = Math.max(0, (forEach.concurrency ?? DEFAULT_CONCURRENCY) - running);
  const next: number[] = [];
  for (let index = from; index < (ends[wave] ?? items.length) && next.length < room; index += 1)
    if (items[index]?.result === undefined && currentAttempt(items[index]) === 0) next.push(index);
  return { next };
}

function endOf(items: readonly (StepView | undefined)[]): number {
  return Math.max(0, ...items.map((records) => Date.parse(records?.result?.at ?? '1970-01-01T00:00:00Z')));
}

/** Where each wave ends, as an index; the last one takes what is left. */
export function waveEnds(forEach: Pick<StepForEach, 'waves'>, total: number): readonly number[] {
  const ends: number[] = [];
  let end = 0;
  for (const size of forEach.waves ?? []) {
    end = Math.min(total, end + Math.max(1, countOf(size, total, Math.ceil)));
    ends.push(end);
  }
  return end < total ? [...ends, total] : ends;
}

function countOf(size: CountOrPercent, total: number, round: (value: number) => number): number {
  return typeof size === 'number' ? size : round((total * Number(size.slice(0, -1))) / 100);
}

/** How the step that fanned out ends, when it is over. The ledger has a line for each item, also for those that never began. */
export function fanOutEnd(
  view: SessionView,
  step: PlannedStep,
  fanOut: FanOut,
): { readonly state: StepResultState; readonly output?: Json; readonly error?: RecordError } {
  const { total, completed, failed, budget, exceeded } = fanOut;
  const counts = { total, completed, failed, skipped: total - completed - failed };
  const withOutputs = !exceeded && step.forEach?.collect !== 'states';
  const ledger: Json = { ...counts, items: ledgerOf(view, step, withOutputs) };
  if (!exceeded) return { state: 'completed', output: ledger };
  return {
    state: 'failed',
    error: {
      code: 'FAILURE_BUDGET_EXCEEDED',
      message: `${failed} of ${total} items did not complete; the budget is ${budget}`,
      details: ledger,
    },
  };
}

function ledgerOf(view: SessionView, step: PlannedStep, withOutputs: boolean): Json[] {
  const items = view.steps.get(step.id)?.items?.items ?? [];
  return items.map((item, index) => {
    const result = view.steps.get(itemStepId(step.id, index))?.result;
    return {
      index,
      item: item,
      state: result?.state ?? 'skipped',
      ...(withOutputs && result?.output !== undefined ? { output: result.output } : {}),
      ...(withOutputs && result?.outputRef !== undefined ? { outputRef: { ...result.outputRef } } : {}),
      ...(result?.error === undefined
        ? {}
        : { error: { code: result.error.code, message: result.error.message.slice(0, 200) } }),
    };
  });
}
