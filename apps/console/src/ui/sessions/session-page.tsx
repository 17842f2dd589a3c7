import { useMemo, useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { ago, clock, duration } from '../../core/format.ts';
import { sessionRow } from '../../core/session-row.ts';
import { stepCards } from '../../core/step-card.ts';
import { timelineOf } from '../../core/timeline.ts';
import { useConsole, useNow, useSignal } from '../hooks.ts';
import { StateBadge } from '../parts/badge.tsx';
import { Disclosure, Json } from '../parts/json.tsx';
import { ArtifactView } from '../parts/part.tsx';
import { Empty, PageHead } from '../parts/page-head.tsx';
import { CallerStream } from './caller-stream.tsx';
import { SessionActions } from './session-actions.tsx';
import { SessionGraph } from './session-graph.tsx';
import { StepDetail } from './step-detail.tsx';
import { StepTable } from './step-table.tsx';
import { TimelineChart } from './timeline-chart.tsx';

export function SessionPage({ sessionId }: { readonly sessionId: string }): ReactNode {
  const { sessions } = useConsole();
  const version = useSignal(sessions.signal);
  const now = useNow();
  const [chosen, setChosen] = useState<string | undefined>();
  const view = sessions.view(sessionId);
  const row = view === undefined ? undefined : sessionRow(view);
  const cards = useMemo(() => (view === undefined ? [] : stepCards(view, now)), [view, version, now]);
  const back = { href: '/sessions', label: 'Sessions' };
  if (view === undefined || row === undefined)
    return (
      <>
        <PageHead title={`Session ${sessionId.slice(0, 8)}`} back={back} />
        <Empty title={sessions.loaded ? 'The broker holds no such session' : 'Reading the records …'}>
          {sessions.loaded && 'It was purged, or its retention is over.'}
        </Empty>
      </>
    );
  const selected = cards.find(({ id }) => id === chosen);
  const timeline = timelineOf(cards, row.createdMs, row.endedMs, now);
  return (
    <>
      <PageHead
        title={row.workflowId}
        name={`Session ${sessionId.slice(0, 8)}`}
        back={back}
        note={
          <>
            <StateBadge state={row.state} /> <span className="mono">{sessionId}</span>
          </>
        }
      >
        <SessionActions row={row} view={view} cards={cards} selected={chosen} />
      </PageHead>
      <p className="session-line" role="status">
        {row.note}
      </p>
      <p className="muted session-facts">
        began {clock(new Date(row.createdMs).toISOString(), now)},{' '}
        {row.endedMs === undefined
          ? `open for ${ago(row.createdMs, now)}`
          : `took ${duration(row.endedMs - row.createdMs)}`}
        , deadline {clock(new Date(row.deadlineMs).toISOString(), now)}
        {row.deadlineMs > row.plannedDeadlineMs &&
          `, planned for ${clock(new Date(row.plannedDeadlineMs).toISOString(), now)}`}
        {row.rerunOf !== undefined && (
          <>
            , runs <Link href={`/sessions/${row.rerunOf}`}>{row.rerunOf.slice(0, 8)}</Link> again from{' '}
            {view.session?.rerun?.from}
          </>
        )}
        {row.parent !== undefined && (
          <>
            , part of <Link href={`/sessions/${row.parent}`}>{row.parent.slice(0, 8)}</Link>
          </>
        )}
      </p>
      <div className="session-grid">
        <section className="panel graph-panel" aria-label="Graph">
          <SessionGraph cards={cards} selected={chosen} onSelect={setChosen} />
        </section>
        {selected === undefined ? (
          <StepTable cards={cards} onSelect={setChosen} />
        ) : (
          <StepDetail
            key={selected.id}
            card={selected}
            view={view}
            now={now}
            onClose={() => setChosen(undefined)}
          />
        )}
      </div>
      <TimelineChart timeline={timeline} onSelect={setChosen} />
      <CallerStream row={row} />
      {view.outcome?.task.artifacts?.map((artifact) => (
        <section className="panel" key={artifact.artifactId} aria-label="What callers got">
          <h2>What callers got</h2>
          <ArtifactView artifact={artifact} />
        </section>
      ))}
      <Disclosure title="What was asked, with variables">
        <Json
          value={{ request: view.session?.request, variables: view.session?.variables }}
          label="Request"
        />
      </Disclosure>
      <Disclosure title="The plan">
        <Json value={view.session} label="Plan" />
      </Disclosure>
    </>
  );
}
