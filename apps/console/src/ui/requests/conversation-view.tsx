import { isTerminal } from '@shoal/protocol';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { clock } from '../../core/format.ts';
import { stateText, waitsForInput, type Conversation, type Turn } from '../../core/conversation.ts';
import { useConsole, useSignal } from '../hooks.ts';
import { ArtifactView, PartBody } from '../parts/part.tsx';
import { Composer } from './composer.tsx';

export function ConversationView({ conversation }: { readonly conversation: Conversation }): ReactNode {
  const { conversations, sessions } = useConsole();
  useSignal(sessions.signal);
  const { id, target, turns, tasks, busy, dropped, taskId } = conversation;
  const task = tasks.at(-1);
  const session = taskId === undefined ? undefined : sessions.view(taskId);
  const cancellable = task !== undefined && !isTerminal(task.status.state);
  return (
    <>
      <section className="panel" aria-label={`Conversation with ${target}`}>
        <div className="panel-head">
          <h2>{target}</h2>
          {task !== undefined && <span className="muted">{stateText(task.status.state)}</span>}
          <span className="grow" />
          {session !== undefined && (
            <Link className="button button-small" href={`/sessions/${taskId}`}>
              Session
            </Link>
          )}
          {busy && (
            <button type="button" className="button button-small" onClick={() => conversations.stop(id)}>
              Stop listening
            </button>
          )}
          {cancellable && (
            <button
              type="button"
              className="button button-small button-danger"
              onClick={() => void conversations.cancel(id)}
            >
              Cancel the task
            </button>
          )}
        </div>
        {dropped > 0 && <p className="muted">{dropped} older entries were let go.</p>}
        <ol className="turns" aria-live="polite">
          {turns.map((turn, index) => (
            <TurnRow key={index + dropped} turn={turn} />
          ))}
        </ol>
        {busy && <p className="muted">Waiting for the agent …</p>}
        {tasks.flatMap(({ id, artifacts = [] }) =>
          artifacts.map((artifact) => (
            <ArtifactView key={`${id} ${artifact.artifactId}`} artifact={artifact} />
          )),
        )}
      </section>
      {!busy && (
        <Composer
          fixed
          target={target}
          label={waitsForInput(conversation) ? 'Your answer' : 'Follow up, in the same context'}
          onSend={(_, question) => void conversations.ask(id, question)}
        />
      )}
    </>
  );
}

function TurnRow({ turn }: { readonly turn: Turn }): ReactNode {
  const at = clock(new Date(turn.atMs).toISOString(), turn.atMs);
  if (turn.kind === 'asked')
    return (
      <li className="turn turn-asked">
        <span className="muted number">{at}</span> <span className="said">{turn.text}</span>
      </li>
    );
  if (turn.kind === 'message')
    return (
      <li className="turn">
        <span className="muted number">{at}</span>
        {turn.message.parts.map((part, index) => (
          <PartBody key={index} part={part} />
        ))}
      </li>
    );
  if (turn.kind === 'error')
    return (
      <li className="turn turn-error">
        <span className="muted number">{at}</span> <code>{turn.code}</code> {turn.text}
      </li>
    );
  return (
    <li className="turn">
      <span className="muted number">{at}</span> <span className="stream-state">{stateText(turn.state)}</span>{' '}
      <span className="said-inline">{turn.text}</span>
    </li>
  );
}
