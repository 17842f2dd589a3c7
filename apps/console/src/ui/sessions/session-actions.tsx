import { pendingApprovals, type SessionView } from '@shoal/workflow';
import { useState, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import { actionsFor, type SessionAction, type SessionRow } from '../../core/session-row.ts';
import type { StepCard } from '../../core/step-card.ts';
import { useConsole } from '../hooks.ts';
import { Confirm, type Question } from '../parts/confirm.tsx';
import { WordOn } from '../parts/word-on.tsx';
import { MoreTime } from './more-time.tsx';
import { RunAgain } from './run-again.tsx';

interface SessionActionsProps {
  readonly row: SessionRow;
  readonly view: SessionView;
  readonly cards: readonly StepCard[];
  /** The step that is looked at: a re-run begins there. */
  readonly selected: string | undefined;
}

const LABELS: Readonly<Record<SessionAction, string>> = {
  cancel: 'Cancel',
  pause: 'Pause',
  resume: 'Resume',
  approve: 'Approve',
  deny: 'Deny',
  rerun: 'Run again',
  extend: 'More time',
  purge: 'Purge',
};

const LOOKS: Readonly<Record<SessionAction, string>> = {
  cancel: 'button button-danger',
  pause: 'button',
  resume: 'button button-main',
  approve: 'button button-main',
  deny: 'button button-danger',
  rerun: 'button',
  extend: 'button',
  purge: 'button button-danger',
};

/** Actions with a plain question; the others ask for more than yes or no. */
type PlainAction = Exclude<SessionAction, 'extend' | 'rerun'>;

/** Everything that may be done with the session as it stands; each is asked for once more. */
export function SessionActions(props: SessionActionsProps): ReactNode {
  const { row, view, cards, selected } = props;
  const [question, setQuestion] = useState<Question | undefined>();
  const [form, setForm] = useState<'extend' | 'rerun' | undefined>();
  const ask = useQuestions(props);
  const close = (): void => setForm(undefined);
  return (
    <>
      {actionsFor(row.state).map((action) => (
        <button
          key={action}
          type="button"
          className={LOOKS[action]}
          onClick={() =>
            action === 'extend' || action === 'rerun' ? setForm(action) : setQuestion(ask(action))
          }
        >
          {action === 'rerun' && selected !== undefined ? `Run again from ${selected}` : LABELS[action]}
        </button>
      ))}
      {question !== undefined && <Confirm question={question} onClose={() => setQuestion(undefined)} />}
      {form === 'extend' && <MoreTime view={view} selected={selected} onClose={close} />}
      {form === 'rerun' && (
        <RunAgain
          view={view}
          cards={cards}
          from={selected ?? cards.find(({ state }) => state !== 'completed')?.id ?? cards[0]?.id ?? ''}
          onClose={close}
        />
      )}
    </>
  );
}

function useQuestions({ row }: SessionActionsProps): (action: PlainAction) => Question {
  const { control, sessions } = useConsole();
  const [, navigate] = useLocation();
  const { sessionId, workflowId } = row;
  const verdict = (reason: string | undefined) => {
    const view = sessions.view(sessionId);
    const [step] = view === undefined ? [] : pendingApprovals(view);
    return {
      ...(step === undefined ? {} : { stepId: step.id }),
      ...(reason === undefined ? {} : { reason }),
    };
  };
  return (action) => {
    const view = sessions.view(sessionId);
    const [asked] = view === undefined ? [] : pendingApprovals(view);
    const prompt = asked === undefined ? '' : (view?.steps.get(asked.id)?.approval?.prompt ?? asked.id);
    switch (action) {
      case 'cancel':
        return {
          title: `Cancel this run of ${workflowId}?`,
          text: <p>Waiting and running steps end, compensations still run. It cannot be taken back.</p>,
          action: 'Cancel the session',
          danger: true,
          reason: true,
          onYes: (reason) => control.cancel(sessionId, reason),
        };
      case 'pause':
        return {
          title: `Pause this run of ${workflowId}?`,
          text: <p>No further step begins. What runs goes on, and so do deadlines.</p>,
          action: 'Pause',
          reason: true,
          onYes: (reason) => control.pause(sessionId, reason),
        };
      case 'resume':
        return {
          title: `Resume this run of ${workflowId}?`,
          text: <p>Steps that were held back begin.</p>,
          action: 'Resume',
          reason: true,
          onYes: (reason) => control.resume(sessionId, reason),
        };
      case 'approve':
      case 'deny':
        return {
          title: action === 'approve' ? 'Approve?' : 'Deny?',
          text: <WordOn prompt={prompt} />,
          action: LABELS[action],
          danger: action === 'deny',
          reason: true,
          onYes: (reason) => control[action](sessionId, verdict(reason)),
        };
      default:
        return {
          title: `Purge this run of ${workflowId}?`,
          text: (
            <p>
              Its records are removed from the broker: results, outcome and history. It cannot be taken back.
            </p>
          ),
          action: 'Purge',
          danger: true,
          onYes: async () => {
            await control.purge(sessionId);
            navigate('/sessions');
          },
        };
    }
  };
}
