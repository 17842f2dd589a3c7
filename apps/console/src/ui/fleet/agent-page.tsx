import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { deviceParams } from '../../core/agent-row.ts';
import { desiredRow } from '../../core/engine-rows.ts';
import { clock, plural } from '../../core/format.ts';
import { useConsole, useNow, useSignal } from '../hooks.ts';
import { PresenceBadge } from '../parts/badge.tsx';
import { Empty, Notice, PageHead } from '../parts/page-head.tsx';
import { CardSkills } from '../registry/card-sections.tsx';
import { DevicePanel } from './device-panel.tsx';
import { ProbeButton } from './probe-button.tsx';

export function AgentPage({ agentId }: { readonly agentId: string }): ReactNode {
  const { fleet, engine, scope } = useConsole();
  useSignal(fleet.signal);
  useSignal(engine.signal);
  const now = useNow(5_000);
  const agent = fleet.agent(`${scope.org}/${scope.unit}/${agentId}`);
  const back = { href: '/fleet', label: 'Fleet' };
  if (agent === undefined)
    return (
      <>
        <PageHead title={agentId} back={back} />
        <Empty title={fleet.loaded ? 'No agent of this name is registered' : 'Reading the cards …'}>
          {fleet.loaded && 'Its card may have been deleted, or it has never published one.'}
        </Empty>
      </>
    );
  const { card, presence } = agent;
  const wanted = desiredRow(engine.view, agentId, presence.state === 'online');
  const deviceId = deviceParams(card)?.['deviceId'];
  return (
    <>
      <PageHead title={card.name} name={agentId} back={back} note={<span className="mono">{agentId}</span>}>
        <ProbeButton address={agent.address} />
        <Link className="button" href={`/registry/card/${agentId}`}>
          Card
        </Link>
        <Link className="button button-main" href={`/requests/${agentId}`}>
          Ask
        </Link>
      </PageHead>
      <section className="panel presence" aria-label="Presence">
        <PresenceBadge state={presence.state} />
        <span>{presence.reason}</span>
        <span className="muted">
          said by {presence.source},{' '}
          {presence.changedAt === undefined
            ? `so already at ${clock(presence.since, now)}`
            : `since ${clock(presence.changedAt, now)}`}
          {presence.until !== undefined && `, back by ${clock(presence.until, now)}`}
          {presence.lastSeen !== undefined && `, last heard of ${clock(presence.lastSeen, now)}`}
        </span>
        {wanted !== undefined && (
          <span className="muted">
            kept {wanted.wanted} by supervisors as <span className="mono">{wanted.blueprint}</span>
            {wanted.attempt > 1 && `, started ${wanted.attempt} times`}
            {wanted.quickDeaths > 0 && `, ${plural(wanted.quickDeaths, 'quick death')} in a row`}
          </span>
        )}
      </section>
      {agent.findings.length > 0 && (
        <Notice tone="warn">
          The card has findings:{' '}
          {agent.findings.map(({ field, message }) => `${field} ${message}`).join('; ')}
        </Notice>
      )}
      {typeof deviceId === 'string' ? (
        <DevicePanel key={deviceId} agent={agent} deviceId={deviceId} />
      ) : (
        <section className="panel">
          <h2>What it does</h2>
          <p>{card.description}</p>
          <CardSkills card={card} />
        </section>
      )}
    </>
  );
}
