import type { SessionView } from '@shoal/workflow';
import { useState, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import { hasFailedItems, runAgain } from '../../core/run-again.ts';
import type { StepCard } from '../../core/step-card.ts';
import { useConsole } from '../hooks.ts';
import { Confirm } from '../parts/confirm.tsx';
import { Choice } from '../parts/field.tsx';

interface RunAgainProps {
  readonly view: SessionView;
  readonly cards: readonly StepCard[];
  readonly from: string;
  readonly onClose: () => void;
}

/** So many steps and items are named. */
const NAMED = 6;

/** Asks for a re-run from a step on: what it does again, what changed the world, and of a fan-out which items. */
export function RunAgain({ view, cards, from, onClose }: RunAgainProps): ReactNode {
  const { control } = useConsole();
  const [, navigate] = useLocation();
  const [items, setItems] = useState<'all' | 'failed'>('all');
  const card = cards.find(({ id }) => id === from);
  const only = items === 'failed' ? ({ items } as const) : {};
  const { again, acted } = runAgain(view, cards, from, only.items);
  const text = (
    <>
      <p>A new session does again: {named(again)}. Results of the other steps are taken over.</p>
      {card !== undefined && hasFailedItems(card) && (
        <Choice
          label={`Items of ${from}`}
          value={items}
          options={[
            ['all', 'all items'],
            ['failed', 'failed items only'],
          ]}
          onChange={(value) => setItems(value === 'failed' ? 'failed' : 'all')}
        />
      )}
      {acted.length > 0 && (
        <p>
          <strong>{named(acted)}</strong> changed the world the first time and will do so again.
        </p>
      )}
    </>
  );
  return (
    <Confirm
      question={{
        title: `Run ${view.session?.workflowId ?? ''} again from ${from}?`,
        text,
        action: acted.length > 0 ? 'Run again, repeat its effects' : 'Run again',
        danger: acted.length > 0,
        onYes: async () => {
          const repeatEffects = acted.length > 0;
          const answer = await control.rerun(view.sessionId, { from, ...only, repeatEffects });
          const id = 'status' in answer ? answer.id : undefined;
          if (id !== undefined) navigate(`/sessions/${id}`);
        },
      }}
      onClose={onClose}
    />
  );
}

function named(ids: readonly string[]): string {
  const more = ids.length - NAMED;
  return `${ids.slice(0, NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
