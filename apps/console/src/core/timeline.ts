import type { StepCard, StepState } from './step-card.ts';

/** A bar of the timeline, in shares of its whole width. */
export interface TimelineBar {
  readonly id: string;
  readonly state: StepState;
  readonly attempt: number;
  readonly retried: boolean;
  /** 0 to 1: when it was claimed; until `from` it waited. */
  readonly claimed: number;
  /** When it began to work; equal to `to` when it has not. */
  readonly from: number;
  readonly to: number;
  readonly tookMs: number;
  /** It has not ended: the bar grows. */
  readonly open: boolean;
}

export interface Timeline {
  readonly startMs: number;
  readonly endMs: number;
  readonly bars: readonly TimelineBar[];
}

/** From the acceptance of the session to its end, or to now. Steps that nobody has claimed have no bar. */
export function timelineOf(
  cards: readonly StepCard[],
  createdMs: number,
  endedMs: number | undefined,
  nowMs: number,
): Timeline {
  // Results of a re-run are older than the session: their bars are of no width at its start.
  const endMs = Math.max(createdMs + 1, endedMs ?? nowMs, ...cards.map((card) => card.endedMs ?? 0));
  const share = (ms: number): number => Math.min(1, Math.max(0, (ms - createdMs) / (endMs - createdMs)));
  const bars = cards.flatMap((card): TimelineBar[] => {
    const claimedMs = card.claimedMs ?? card.startedMs ?? card.endedMs;
    if (claimedMs === undefined) return [];
    const stopMs = card.endedMs ?? endedMs ?? nowMs;
    const startMs = card.startedMs ?? stopMs;
    const [claimed, from, to] = [share(claimedMs), share(startMs), share(stopMs)];
    return [
      {
        id: card.id,
        state: card.state,
        attempt: card.attempt,
        retried: card.retried,
        claimed: Math.min(claimed, from),
        from,
        to: Math.max(from, to),
        tookMs: Math.max(0, stopMs - startMs),
        open: card.endedMs === undefined,
      },
    ];
  });
  return { startMs: createdMs, endMs, bars };
}
