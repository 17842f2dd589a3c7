import type { Turn } from '../../core/conversation.ts';
import { useMemo, useState, type ReactNode } from 'react';
import { useConsole, useSignal } from '../hooks.ts';
import { Empty, PageHead } from '../parts/page-head.tsx';
import { Composer } from './composer.tsx';
import { ConversationView } from './conversation-view.tsx';

/** Compose a message to any agent, and follow what becomes of it. */
export function RequestsPage({ agentId }: { readonly agentId?: string }): ReactNode {
  const { conversations } = useConsole();
  const version = useSignal(conversations.signal);
  const list = useMemo(() => conversations.list(), [conversations, version]);
  const [chosen, setChosen] = useState<string | undefined>();
  const current = conversations.get(chosen ?? '') ?? (agentId === undefined ? list[0] : undefined);
  return (
    <>
      <PageHead title="Requests">
        {current !== undefined && (
          <button type="button" className="button" onClick={() => setChosen('new')}>
            New request
          </button>
        )}
      </PageHead>
      <div className={list.length > 0 ? 'requests-grid' : 'requests-grid requests-alone'}>
        {list.length > 0 && (
          <nav className="panel conversation-list" aria-label="Conversations">
            <ul>
              {list.map(({ id, target, turns }) => (
                <li key={id}>
                  <button
                    type="button"
                    className="conversation-choice"
                    aria-current={id === current?.id ? 'true' : undefined}
                    onClick={() => setChosen(id)}
                  >
                    <span>{target}</span>
                    <span className="muted clip">{firstWords(turns)}</span>
                  </button>
                </li>
              ))}
            </ul>
          </nav>
        )}
        <div className="conversation">
          {chosen === 'new' || current === undefined ? (
            <>
              <Composer
                target={agentId}
                onSend={(target, question) => {
                  const id = conversations.start(target);
                  setChosen(id);
                  void conversations.ask(id, question);
                }}
              />
              {list.length === 0 && (
                <Empty title="Nothing was asked yet">
                  Answers, progress and artifacts appear here. They stay until you sign out.
                </Empty>
              )}
            </>
          ) : (
            <ConversationView conversation={current} />
          )}
        </div>
      </div>
    </>
  );
}

function firstWords(turns: readonly Turn[]): string {
  const first = turns.find((turn) => turn.kind === 'asked');
  return first?.kind === 'asked' ? first.text : '';
}
