import { useState, type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { unregisterFor } from '../../io/registration.ts';
import { useConsole, useSignal } from '../hooks.ts';
import { PresenceBadge } from '../parts/badge.tsx';
import { Confirm, type Question } from '../parts/confirm.tsx';
import { Disclosure, Json } from '../parts/json.tsx';
import { Empty, PageHead } from '../parts/page-head.tsx';
import { CardSkills, Findings, InterfaceFacts, SecuritySection } from './card-sections.tsx';

export function CardPage({ agentId }: { readonly agentId: string }): ReactNode {
  const it = useConsole();
  const { fleet, scope } = it;
  useSignal(fleet.signal);
  const [, navigate] = useLocation();
  const [question, setQuestion] = useState<Question | undefined>();
  const agent = fleet.agent(`${scope.org}/${scope.unit}/${agentId}`);
  const back = { href: '/registry', label: 'Registry' };
  if (agent === undefined)
    return (
      <>
        <PageHead title={agentId} back={back} />
        <Empty title={fleet.loaded ? 'No card of this name is registered' : 'Reading the cards …'} />
      </>
    );
  const { card, presence, address, findings } = agent;
  const remove: Question = {
    title: `Delete the card of ${agentId}?`,
    text: (
      <p>Nobody will find it any more. An agent that runs publishes its card again when it next connects.</p>
    ),
    action: 'Delete the card',
    danger: true,
    onYes: async () => {
      await unregisterFor(it, address);
      navigate('/registry');
    },
  };
  return (
    <>
      <PageHead
        title={card.name}
        name={`Card of ${agentId}`}
        back={back}
        note={<span className="mono">{agentId}</span>}
      >
        <PresenceBadge state={presence.state} />
        <Link className="button" href={`/fleet/${agentId}`}>
          Agent
        </Link>
        <button type="button" className="button button-danger" onClick={() => setQuestion(remove)}>
          Delete
        </button>
      </PageHead>
      <section className="panel" aria-label="Card">
        <h2>Card</h2>
        <p>{card.description}</p>
        <InterfaceFacts card={card} />
      </section>
      <section className="panel" aria-label="Findings">
        <h2>Findings</h2>
        {findings.length === 0 ? (
          <p className="muted">None: the card follows A2A 1.0 and the MQTT profile.</p>
        ) : (
          <Findings findings={findings} />
        )}
      </section>
      <SecuritySection card={card} />
      <section className="panel" aria-label="Skills">
        <h2>Skills</h2>
        <CardSkills card={card} />
      </section>
      <Disclosure title="The card as JSON">
        <Json value={card} label="Agent Card" />
      </Disclosure>
      {question !== undefined && <Confirm question={question} onClose={() => setQuestion(undefined)} />}
    </>
  );
}
