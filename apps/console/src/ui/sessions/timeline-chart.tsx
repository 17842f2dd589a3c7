import type { ReactNode } from 'react';
import { duration } from '../../core/format.ts';
import type { Timeline } from '../../core/timeline.ts';
import { toneOf } from '../parts/badge.tsx';

interface TimelineChartProps {
  readonly timeline: Timeline;
  readonly onSelect: (stepId: string) => void;
}

export function TimelineChart({ timeline, onSelect }: TimelineChartProps): ReactNode {
  const { bars, startMs, endMs } = timeline;
  return (
    <section className="panel" aria-label="Timeline">
      <div className="panel-head">
        <h2>Timeline</h2>
        <span className="muted number">{duration(endMs - startMs)}</span>
      </div>
      <ol className="timeline">
        {bars.map(({ id, state, claimed, from, to, tookMs, attempt, retried, open }) => (
          <li key={id}>
            <button type="button" className="timeline-row" onClick={() => onSelect(id)}>
              <span className="timeline-name clip">{id}</span>
              <span className="timeline-track">
                <span
                  className="timeline-wait"
                  style={{ left: `${claimed * 100}%`, width: `${(from - claimed) * 100}%` }}
                />
                <span
                  className={`timeline-bar tone-${toneOf(state)}${open ? ' timeline-open' : ''}`}
                  style={{ left: `${from * 100}%`, width: `${(to - from) * 100}%` }}
                />
              </span>
              <span className="timeline-took number">
                {from === to && open ? state : duration(tookMs)}
                {retried && `, attempt ${attempt}`}
                <span className="visually-hidden"> {state}</span>
              </span>
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}
