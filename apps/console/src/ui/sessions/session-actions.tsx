import { pendingApprovals } from '@shoal/workflow';
import { useState, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import { actionsFor, type SessionAction, type SessionRow } from '../../core/session-row.ts';
import type { StepCard } from '../../core/step-card.ts';
import { useConsole } from '../hooks.ts';
import { Confirm, type Question } from '../parts/confirm.tsx';

interface SessionActionsProps {
  readonly row: SessionRow;
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
  purge: 'Purge',
};

const LOOKS: Readonly<Record<SessionAction, string>> = {
  cancel: 'button button-danger',
  pause: 'button',
  resume: 'button button-main',
  approve: 'button button-main',
  deny: 'button button-danger',
  rerun: 'button',
  purge: 'button button-danger',
};

/** Everything that may be done with the session as it stands; each is asked for once more. */
export function SessionActions(props: SessionActionsProps): ReactNode {
  const [question, setQuestion] = useState<Question | undefined>();
  const ask = useQuestions(props);
  return (
    <>
      {actionsFor(props.row.state).map((action) => (
        <button key={action} type="button" className={LOOKS[action]} onClick={() => setQuestion(ask(action))}>
          {action === 'rerun' && props.selected !== undefined
            ? `Run again from ${props.selected}`
            : LABELS[action]}
        </button>
      ))}
      {question !== undefined && <Confirm question={question} onClose={() => setQuestion(undefined)} />}
    </>
  );
}

function useQuestions({ row, cards, selected }: SessionActionsProps): (action: SessionAction) => Question {
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
  const rerun = (): Question => {
    const from = selected ?? cards.find(({ state }) => state !== 'completed')?.id ?? cards[0]?.id ?? '';
    const again = dependants(cards, from);
    const acted = again.filter(
      ({ actsOnce, state }) => actsOnce && (state === 'completed' || state === 'unknown'),
    );
    return {
      title: `Run ${workflowId} again from ${from}?`,
      text: (
        <>
          <p>
            A new session does again: {again.map(({ id }) => id).join(', ')}. Results of the other steps are
            taken over.
          </p>
          {acted.length > 0 && (
            <p>
              <strong>{acted.map(({ id }) => id).join(', ')}</strong> changed the world the first time and
              will do so again.
            </p>
          )}
        </>
      ),
      action: acted.length > 0 ? 'Run again, repeat its effects' : 'Run again',
      danger: acted.length > 0,
      onYes: async () => {
        const answer = await control.rerun(sessionId, { from, repeatEffects: acted.length > 0 });
        const id = 'status' in answer ? answer.id : undefined;
        if (id !== undefined) navigate(`/sessions/${id}`);
      },
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
          text: <p className="said">{prompt}</p>,
          action: LABELS[action],
          danger: action === 'deny',
          reason: true,
          onYes: (reason) => control[action](sessionId, verdict(reason)),
        };
      case 'rerun':
        return rerun();
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

/** The step, what depends on it, and steps without a result worth keeping: what a re-run does again. */
function dependants(cards: readonly StepCard[], from: string): readonly StepCard[] {
  const again = new Set<string>();
  for (const { id, needs, state, error } of cards) {
    const kept = state === 'completed' || (state === 'skipped' && error?.code === 'CONDITION_FALSE');
    if (id === from || !kept || needs.some((need) => again.has(need))) again.add(id);
  }
  return cards.filter(({ id }) => again.has(id));
}
