import { useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import type { WaitingApproval } from '../../core/engine-rows.ts';
import { ago, clock } from '../../core/format.ts';
import { useConsole } from '../hooks.ts';
import { Confirm, type Question } from '../parts/confirm.tsx';
import { WordOn } from '../parts/word-on.tsx';

/** What waits for the word of a person, with the two words. */
export function Approvals({
  approvals,
  now,
}: {
  readonly approvals: readonly WaitingApproval[];
  readonly now: number;
}): ReactNode {
  const { control, credentials } = useConsole();
  const [question, setQuestion] = useState<Question | undefined>();
  const ask = (action: 'approve' | 'deny', { sessionId, stepId, prompt }: WaitingApproval): void =>
    setQuestion({
      title: action === 'approve' ? 'Approve?' : 'Deny?',
      text: <WordOn prompt={prompt} />,
      action: action === 'approve' ? 'Approve' : 'Deny',
      danger: action === 'deny',
      reason: true,
      onYes: (reason) => control[action](sessionId, { stepId, ...(reason === undefined ? {} : { reason }) }),
    });
  return (
    <section className="panel" aria-label="Approvals">
      <h2>Approvals</h2>
      {approvals.length === 0 && <p className="muted">No step waits for the word of a person.</p>}
      <ul className="approvals">
        {approvals.map((approval) => {
          const { sessionId, stepId, workflowId, prompt, approvers, expiresAt } = approval;
          const mine = approvers.length === 0 || approvers.includes(credentials.actAs);
          return (
            <li key={`${sessionId} ${stepId}`} className="approval">
              <div>
                <p className="said">{prompt}</p>
                <p className="muted">
                  <Link href={`/sessions/${sessionId}`}>
                    {workflowId} <span className="mono">{sessionId.slice(0, 8)}</span>
                  </Link>
                  , step {stepId}, until {clock(expiresAt, now)} ({ago(now, Date.parse(expiresAt))} left)
                  {approvers.length > 0 && `, for ${approvers.join(', ')}`}
                </p>
              </div>
              {mine && (
                <div className="row">
                  <button
                    type="button"
                    className="button button-main"
                    onClick={() => ask('approve', approval)}
                  >
                    Approve
                  </button>
                  <button
                    type="button"
                    className="button button-danger"
                    onClick={() => ask('deny', approval)}
                  >
                    Deny
                  </button>
                </div>
              )}
            </li>
          );
        })}
      </ul>
      {question !== undefined && <Confirm question={question} onClose={() => setQuestion(undefined)} />}
    </section>
  );
}
