import type { AgentCard } from '@shoal/protocol';
import { useDeferredValue, useMemo, useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { filterRows, NO_FILTER, type AgentRow } from '../../core/agent-row.ts';
import { plural } from '../../core/format.ts';
import { useConsole, useSignal } from '../hooks.ts';
import { PresenceBadge } from '../parts/badge.tsx';
import { Empty, Notice, PageHead } from '../parts/page-head.tsx';
import { Search } from '../parts/search.tsx';
import { usePhone } from '../parts/use-phone.ts';
import { VirtualTable, type Column } from '../parts/virtual-table.tsx';
import { Findings } from './card-sections.tsx';

const COLUMNS: readonly Column[] = [
  { id: 'agent', label: 'Agent' },
  { id: 'presence', label: 'Presence' },
  { id: 'version', label: 'Version' },
  { id: 'security', label: 'Security' },
  { id: 'skills', label: 'Skills' },
  { id: 'findings', label: 'Findings' },
];

const BROKERS: Readonly<Record<string, string>> = {
  shoal: 'a Shoal broker',
  emqx: 'EMQX',
  mosquitto: 'Mosquitto',
};

export function RegistryPage(): ReactNode {
  const { fleet } = useConsole();
  const version = useSignal(fleet.signal);
  const phone = usePhone();
  const [text, setText] = useState('');
  const wanted = useDeferredValue(text);
  const all = useMemo(() => fleet.rows(), [fleet, version]);
  const rows = useMemo(
    () =>
      [...filterRows(all, { ...NO_FILTER, text: wanted })].sort((a, b) => a.agentId.localeCompare(b.agentId)),
    [all, wanted],
  );
  const { software } = fleet.registry.broker;
  const invalid = fleet.invalidCards();
  const note = fleet.loaded
    ? `${plural(all.length, 'card')} on ${BROKERS[software] ?? 'this broker'}`
    : 'reading the cards …';
  return (
    <>
      <PageHead title="Registry" note={<span role="status">{note}</span>}>
        <Link className="button button-main" href="/registry/new">
          Register a card
        </Link>
      </PageHead>
      {invalid.length > 0 && (
        <Notice tone="warn">
          {plural(invalid.length, 'card')} cannot be used:
          {invalid.slice(0, 5).map(({ topic, findings }) => (
            <div key={topic}>
              <span className="mono">{topic}</span>
              <Findings findings={findings.slice(0, 5)} />
            </div>
          ))}
        </Notice>
      )}
      <div className="filters">
        <Search label="Search cards" value={text} onChange={setText} />
      </div>
      {rows.length === 0 ? (
        <Empty title={all.length === 0 ? 'No card is registered in this unit' : 'No card matches'} />
      ) : (
        <VirtualTable
          className="vtable-registry"
          label="Agent Cards"
          columns={COLUMNS}
          rows={rows}
          keyOf={({ key }) => key}
          rowHeight={() => (phone ? 62 : 36)}
          cells={(row) => cardCells(row, fleet.agent(row.key)?.card)}
        />
      )}
    </>
  );
}

function cardCells(row: AgentRow, card: AgentCard | undefined): readonly ReactNode[] {
  const schemes = Object.keys(card?.securitySchemes ?? {});
  const signed = (card?.signatures ?? []).length > 0;
  return [
    <span key="agent" className="agent-name">
      <Link href={`/registry/card/${row.agentId}`}>{row.agentId}</Link>
      {row.name !== row.agentId && <span className="muted clip">{row.name}</span>}
    </span>,
    <PresenceBadge key="presence" state={row.presence} />,
    <span key="version" className="number clip">
      {card?.version}
    </span>,
    [schemes.join(', ') || 'open', signed ? 'signed' : ''].filter(Boolean).join(', '),
    <span key="skills" className="clip">
      {card?.skills.map(({ name }) => name).join(', ')}
    </span>,
    row.findings === 0 ? (
      <span className="muted">none</span>
    ) : (
      <span className="flag">{plural(row.findings, 'finding')}</span>
    ),
  ];
}
