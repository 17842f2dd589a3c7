import type { ReactNode } from 'react';
import type { StepCard } from '../../core/step-card.ts';
import { StateBadge } from '../parts/badge.tsx';

interface StepTableProps {
  readonly cards: readonly StepCard[];
  readonly onSelect: (stepId: string) => void;
}

/** The graph in words: each step with its state and what it waits for. */
export function StepTable({ cards, onSelect }: StepTableProps): ReactNode {
  return (
    <section className="panel steps-panel" aria-label="Steps">
      <h2>Steps</h2>
      <ol className="steps">
        {cards.map((card) => (
          <li key={card.id}>
            <button type="button" className="step-row" onClick={() => onSelect(card.id)}>
              <span className="step-title">
                <span className="step-name clip">{card.id}</span>
                {card.retried && <span className="flag">attempt {card.attempt}</span>}
              </span>
              <StateBadge state={card.state} />
              <span className="muted step-note clip">
                {card.waits === undefined
                  ? (card.error?.message ?? card.summary ?? card.description)
                  : `waits for ${card.waits}`}
              </span>
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}
