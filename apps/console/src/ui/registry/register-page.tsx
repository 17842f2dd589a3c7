import { useMemo, useState, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import { cardTemplate, checkDraft } from '../../core/card-draft.ts';
import { registerFor } from '../../io/registration.ts';
import { useConsole } from '../hooks.ts';
import { Confirm, type Question } from '../parts/confirm.tsx';
import { Field } from '../parts/field.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Findings } from './card-sections.tsx';

export function RegisterPage(): ReactNode {
  const it = useConsole();
  const { scope, credentials } = it;
  const [, navigate] = useLocation();
  const [agentId, setAgentId] = useState('new-agent');
  const [text, setText] = useState(() => cardTemplate({ ...scope, agentId: 'new-agent' }, credentials.url));
  const [question, setQuestion] = useState<Question | undefined>();
  const address = useMemo(() => ({ ...scope, agentId }), [scope, agentId]);
  const draft = useMemo(() => checkDraft(text, address), [text, address]);
  const ask = (): void => {
    const { card } = draft;
    if (card === undefined) return;
    setQuestion({
      title: `Register ${agentId}?`,
      text: <p>The card is retained on the broker, as offline until the agent itself connects.</p>,
      action: 'Register',
      onYes: async () => {
        await registerFor(it, address, card);
        navigate(`/registry/card/${agentId}`);
      },
    });
  };
  return (
    <>
      <PageHead title="Register a card" back={{ href: '/registry', label: 'Registry' }} />
      <form
        className="panel register"
        onSubmit={(event) => {
          event.preventDefault();
          ask();
        }}
      >
        <Field
          label="Agent id"
          value={agentId}
          onChange={setAgentId}
          help={`Its address will be ${scope.org}/${scope.unit}/${agentId}`}
        />
        <Field label="Agent Card (JSON)" value={text} onChange={setText} rows={18} />
        <div role="status" className="draft">
          {draft.findings.length === 0 ? (
            <p className="muted">No findings.</p>
          ) : (
            <Findings findings={draft.findings.slice(0, 20)} />
          )}
          {draft.card !== undefined && !draft.emqx && (
            <p className="muted">EMQX would drop this card without a word.</p>
          )}
        </div>
        <button type="submit" className="button button-main" disabled={draft.card === undefined}>
          Register …
        </button>
      </form>
      {question !== undefined && <Confirm question={question} onClose={() => setQuestion(undefined)} />}
    </>
  );
}
