import { useEffect, useState, type ReactNode } from 'react';
import { stateText, textOfParts } from '../../core/conversation.ts';
import { isOpen, type SessionRow } from '../../core/session-row.ts';
import { clock } from '../../core/format.ts';
import { messageOf, useConsole } from '../hooks.ts';

interface Line {
  readonly at: string;
  readonly state: string;
  readonly text: string;
}

const MOST_LINES = 200;

/** What a caller reads while the session runs: this page subscribes to the task as any requester may. */
export function CallerStream({ row }: { readonly row: SessionRow }): ReactNode {
  const { requester, scope } = useConsole();
  const [lines, setLines] = useState<readonly Line[]>([]);
  const [note, setNote] = useState<string | undefined>();
  const { sessionId, workflowId } = row;
  const open = isOpen(row.state);
  useEffect(() => {
    if (!open) return undefined;
    const stop = new AbortController();
    const follow = async (): Promise<void> => {
      const target = { ...scope, agentId: workflowId };
      for await (const item of requester.subscribe(target, { id: sessionId }, { signal: stop.signal })) {
        const status = item.statusUpdate?.status ?? item.task?.status;
        const line: Line = {
          at: status?.timestamp ?? new Date().toISOString(),
          state: status === undefined ? 'artifact' : stateText(status.state),
          text:
            status === undefined ? (item.artifactUpdate?.artifact.name ?? '') : textOfParts(status.message),
        };
        setLines((known) => [...known, line].slice(-MOST_LINES));
      }
    };
    follow().catch((error: unknown) => {
      if (!stop.signal.aborted) setNote(`The stream ended: ${messageOf(error)}`);
    });
    return () => stop.abort();
  }, [open, requester, scope, sessionId, workflowId]);
  if (!open && lines.length === 0) return null;
  return (
    <section className="panel" aria-label="Stream of the caller">
      <div className="panel-head">
        <h2>Stream of the caller</h2>
        <span className="muted">{open ? 'live' : 'ended'}</span>
      </div>
      {note !== undefined && <p className="muted">{note}</p>}
      <ol className="stream" aria-live="polite">
        {lines.map(({ at, state, text }, index) => (
          <li key={index}>
            <span className="muted number">{clock(at, Date.now())}</span>{' '}
            <span className="stream-state">{state}</span> <span className="said-inline">{text}</span>
          </li>
        ))}
      </ol>
      {lines.length === 0 && <p className="muted">Nothing was said yet.</p>}
    </section>
  );
}
