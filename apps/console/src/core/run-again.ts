import type { SessionView } from '@shoal/workflow';
import { itemCards, type StepCard } from './step-card.ts';

export interface RunAgain {
  /** Ids of the steps that a re-run does again. */
  readonly again: readonly string[];
  /** Ids of those, and of items of fan-outs, that changed the world the first time. */
  readonly acted: readonly string[];
}

/** What a re-run from a step does again; of a fan-out with `failed` only the items that did not complete. */
export function runAgain(
  view: SessionView,
  cards: readonly StepCard[],
  from: string,
  items?: 'failed',
): RunAgain {
  const again = dependants(cards, from);
  const acted = again.flatMap((card) => {
    if (card.fanOut === undefined) return [card].filter(hasActed);
    const each = itemCards(view, card.id, 0, Number.POSITIVE_INFINITY).filter(hasActed);
    return card.id === from && items === 'failed' ? each.filter(({ state }) => state !== 'completed') : each;
  });
  return { again: again.map(({ id }) => id), acted: acted.map(({ id }) => id) };
}

/** Whether there is a choice between all items and those that did not complete. */
export function hasFailedItems({ fanOut }: StepCard): boolean {
  return fanOut !== undefined && fanOut.completed > 0 && fanOut.completed < fanOut.total;
}

function hasActed({ actsOnce, state }: StepCard): boolean {
  return actsOnce && (state === 'completed' || state === 'unknown');
}

/** The step, what depends on it, and steps without a result worth keeping. */
function dependants(cards: readonly StepCard[], from: string): readonly StepCard[] {
  const again = new Set<string>();
  for (const { id, needs, state, error } of cards) {
    const kept = state === 'completed' || (state === 'skipped' && error?.code === 'CONDITION_FALSE');
    if (id === from || !kept || needs.some((need) => again.has(need))) again.add(id);
  }
  return cards.filter(({ id }) => again.has(id));
}
