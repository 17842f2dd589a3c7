import type { SessionView } from '@shoal/workflow';
import { useMemo, useState, type ReactNode } from 'react';
import { clock, duration } from '../../core/format.ts';
import { decisionRows } from '../../core/engine-rows.ts';
import { extendable } from '../../core/more-time.ts';
import { itemCards, type StepCard } from '../../core/step-card.ts';
import { useConsole, useSignal } from '../hooks.ts';
import { StateBadge } from '../parts/badge.tsx';
import { Disclosure, Json } from '../parts/json.tsx';
import { PartBody } from '../parts/part.tsx';
import { MoreTime } from './more-time.tsx';

interface StepDetailProps {
  readonly card: StepCard;
  readonly view: SessionView;
  readonly now: number;
  readonly onClose: () => void;
}

export function StepDetail({ card, view, now, onClose }: StepDetailProps): ReactNode {
  const { error, output, summary } = card;
  return (
    <section className="panel steps-panel" aria-label={`Step ${card.id}`}>
      <div className="panel-head">
        <h2>{card.id}</h2>
        <StateBadge state={card.state} />
        <span className="grow" />
        <button type="button" className="button button-small" onClick={onClose}>
          All steps
        </button>
      </div>
      {card.description !== '' && <p>{card.description}</p>}
      {summary !== undefined && <p className="said">{summary}</p>}
      {card.waits !== undefined && (
        <p>
          <span className="muted">waits for</span> {card.waits}
        </p>
      )}
      {error !== undefined && (
        <p className="step-error">
          <code>{error.code}</code> {error.message}
        </p>
      )}
      <StepFacts card={card} now={now} />
      {output !== undefined && (
        <>
          <h3>Output</h3>
          <PartBody part={{ data: output }} />
        </>
      )}
      <StepDecisions view={view} stepId={card.id} now={now} />
      {error?.details !== undefined && (
        <Disclosure title="Details of the error">
          <Json value={error.details} label="Details" />
        </Disclosure>
      )}
      {card.input !== undefined && (
        <Disclosure title="Input, as planned">
          <Json value={card.input} label="Input" />
        </Disclosure>
      )}
      {card.fanOut !== undefined && <Items card={card} view={view} now={now} />}
    </section>
  );
}

/** Who decided in this step: a model, or the rules in its place. */
function StepDecisions(props: {
  readonly view: SessionView;
  readonly stepId: string;
  readonly now: number;
}): ReactNode {
  const { engine } = useConsole();
  useSignal(engine.signal);
  const decisions = decisionRows(engine.view, { sessionId: props.view.sessionId, stepId: props.stepId });
  if (decisions.length === 0) return null;
  return (
    <>
      <h3>Decisions</h3>
      <ul>
        {decisions.map(({ reasoningId, purpose, decidedBy, model, inputTokens, outputTokens, error, at }) => (
          <li key={reasoningId}>
            <span className="number muted">{clock(at, props.now)}</span> {purpose}: {decidedBy}
            {model !== undefined && `, ${model}, ${inputTokens + outputTokens} tokens`}
            {error !== undefined && `, ${error.code}: ${error.message}`}
          </li>
        ))}
      </ul>
    </>
  );
}

function StepFacts({ card, now }: { readonly card: StepCard; readonly now: number }): ReactNode {
  const at = (ms: number | undefined): string =>
    ms === undefined ? '–' : clock(new Date(ms).toISOString(), now);
  const facts: readonly (readonly [string, ReactNode])[] = [
    ['Uses', card.use],
    ['Attempt', attemptText(card)],
    [
      'Instance',
      <span key="i" className="mono wrap">
        {card.instance}
      </span>,
    ],
    ['Claimed by', card.supervisorId ?? '–'],
    ['Claimed', at(card.claimedMs)],
    ['Started', at(card.startedMs)],
    ['Ended', at(card.endedMs)],
    ...(card.startedMs !== undefined && card.endedMs !== undefined
      ? [['At work', duration(card.endedMs - card.startedMs)] as const]
      : []),
    ...(card.extendedMs === undefined ? [] : [['More time until', at(card.extendedMs)] as const]),
    ...(card.needs.length === 0 ? [] : [['Needs', card.needs.join(', ')] as const]),
    ...(card.reusedFrom === undefined ? [] : [['Taken over from', card.reusedFrom] as const]),
    ...(card.actsOnce ? [['Effect', 'changes the world, never done twice'] as const] : []),
  ];
  return (
    <dl className="facts facts-narrow">
      {facts.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Items({
  card,
  view,
  now,
}: {
  readonly card: StepCard;
  readonly view: SessionView;
  readonly now: number;
}): ReactNode {
  const items = useMemo(() => itemCards(view, card.id, now), [view, card, now]);
  const open = useMemo(() => new Set(extendable(view).map(({ stepId }) => stepId)), [view, card, now]);
  const [extending, setExtending] = useState<string | undefined>();
  const { fanOut } = card;
  return (
    <>
      <h3>
        Items{' '}
        <span className="muted number">
          {fanOut?.completed} completed, {fanOut?.failed} otherwise, {fanOut?.running} at work, of{' '}
          {fanOut?.total}
        </span>
      </h3>
      <ol className="items">
        {items.map((item) => (
          <li key={item.id}>
            <StateBadge state={item.state} /> <span className="mono clip">{JSON.stringify(item.input)}</span>
            {item.error !== undefined && <span className="muted clip">{item.error.message}</span>}
            {item.extendedMs !== undefined && (
              <span className="muted">until {clock(new Date(item.extendedMs).toISOString(), now)}</span>
            )}
            {open.has(item.id) && (
              <button
                type="button"
                className="button button-small"
                aria-label={`More time for item ${item.id}`}
                onClick={() => setExtending(item.id)}
              >
                More time
              </button>
            )}
          </li>
        ))}
      </ol>
      {extending !== undefined && (
        <MoreTime view={view} selected={extending} onClose={() => setExtending(undefined)} />
      )}
    </>
  );
}

function attemptText({ attempt, maxAttempts, retried }: StepCard): string {
  if (attempt === 0) return 'not claimed yet';
  return attempt === 1 || retried
    ? `${attempt} of at most ${maxAttempts}`
    : `${attempt}, taken up again after its wait`;
}
