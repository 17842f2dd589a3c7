import { PRESENCE_STATES } from '@shoal/registry-client';
import { useDeferredValue, useMemo, useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import {
  countPresence,
  filterRows,
  groupRows,
  NO_FILTER,
  typesOf,
  type AgentRow,
  type FleetFilter,
  type GroupHeader,
} from '../../core/agent-row.ts';
import { clock, plural } from '../../core/format.ts';
import { useConsole, useNow, useSignal } from '../hooks.ts';
import { presenceTone, PresenceBadge } from '../parts/badge.tsx';
import { Chips } from '../parts/chips.tsx';
import { Choice } from '../parts/field.tsx';
import { Search } from '../parts/search.tsx';
import { Empty, Notice, PageHead } from '../parts/page-head.tsx';
import { VirtualTable, type Column } from '../parts/virtual-table.tsx';
import { usePhone } from '../parts/use-phone.ts';

const COLUMNS: readonly Column[] = [
  { id: 'agent', label: 'Agent' },
  { id: 'presence', label: 'Presence' },
  { id: 'type', label: 'Type' },
  { id: 'area', label: 'Area' },
  { id: 'reason', label: 'Why' },
  { id: 'since', label: 'Since' },
];

export function FleetPage(): ReactNode {
  const { fleet } = useConsole();
  const version = useSignal(fleet.signal);
  const [filter, setFilter] = useState<FleetFilter>(NO_FILTER);
  // Typing stays ahead of the list: the list follows when there is time.
  const wanted = useDeferredValue(filter);
  const all = useMemo(() => fleet.rows(), [fleet, version]);
  const rows = useMemo(() => filterRows(all, wanted), [all, wanted]);
  const grouped = useMemo(() => groupRows(rows), [rows]);
  const counts = useMemo(() => countPresence(all), [all]);
  const types = useMemo(() => typesOf(all), [all]);
  return (
    <>
      <PageHead
        title="Fleet"
        note={<FleetNote total={all.length} shown={rows.length} loaded={fleet.loaded} />}
      />
      {fleet.failure !== undefined && (
        <Notice tone="bad">The Agent Cards cannot be read: {fleet.failure}</Notice>
      )}
      <div className="filters">
        <Search
          label="Search agents"
          value={filter.text}
          onChange={(text) => setFilter({ ...filter, text })}
        />
        <Chips
          label="Presence"
          value={filter.presence}
          all="any"
          options={PRESENCE_STATES.map((state) => ({
            value: state,
            label: state,
            count: counts[state],
            tone: presenceTone(state),
          }))}
          onChange={(presence) => setFilter({ ...filter, presence })}
        />
        <Choice
          label="Type"
          quiet
          value={filter.type}
          options={[['any', 'All types'], ...types.map((type) => [type, type] as const)]}
          onChange={(type) => setFilter({ ...filter, type })}
        />
      </div>
      {rows.length === 0 ? (
        <NoAgents loaded={fleet.loaded} any={all.length > 0} onReset={() => setFilter(NO_FILTER)} />
      ) : (
        <AgentTable rows={grouped} />
      )}
    </>
  );
}

function FleetNote(props: {
  readonly total: number;
  readonly shown: number;
  readonly loaded: boolean;
}): ReactNode {
  const { total, shown, loaded } = props;
  if (!loaded) return <span role="status">reading the cards …</span>;
  const text =
    shown === total ? plural(total, 'agent') : `${shown.toLocaleString('en')} of ${plural(total, 'agent')}`;
  return <span role="status">{text}</span>;
}

function NoAgents(props: {
  readonly loaded: boolean;
  readonly any: boolean;
  readonly onReset: () => void;
}): ReactNode {
  if (!props.loaded) return <Empty title="Reading the cards …" />;
  if (!props.any)
    return (
      <Empty title="No agent is registered in this unit">
        An agent appears here as soon as it publishes its Agent Card. To register one by hand, open the{' '}
        <Link href="/registry/new">registry</Link>.
      </Empty>
    );
  return (
    <Empty title="No agent matches">
      <button type="button" className="button" onClick={props.onReset}>
        Clear search and filters
      </button>
    </Empty>
  );
}

function AgentTable({ rows }: { readonly rows: readonly (AgentRow | GroupHeader)[] }): ReactNode {
  const now = useNow(5_000);
  const phone = usePhone();
  return (
    <VirtualTable
      className="vtable-fleet"
      label="Agents by site and type"
      columns={COLUMNS}
      rows={rows}
      keyOf={(row) => ('header' in row ? `#${row.header}` : row.key)}
      rowHeight={(row) => ('header' in row ? 40 : phone ? 62 : 36)}
      cells={(row) => ('header' in row ? [<Group key="group" group={row} />] : agentCells(row, now))}
    />
  );
}

function Group({ group }: { readonly group: GroupHeader }): ReactNode {
  return (
    <span className="group">
      <span className="group-name">{group.header}</span>
      <span className="muted">
        {group.online === group.count
          ? plural(group.count, 'agent')
          : `${group.online} of ${group.count} online`}
      </span>
    </span>
  );
}

function agentCells(row: AgentRow, now: number): readonly ReactNode[] {
  return [
    <span key="agent" className="agent-name">
      <Link href={`/fleet/${row.agentId}`}>{row.agentId}</Link>
      {row.name !== row.agentId && <span className="muted clip">{row.name}</span>}
      {row.findings > 0 && (
        <span className="flag" title="The card has findings">
          {plural(row.findings, 'finding')}
        </span>
      )}
    </span>,
    <PresenceBadge key="presence" state={row.presence} />,
    row.type,
    row.area,
    <span key="reason" className="clip" title={`${row.reason} (${row.source})`}>
      {row.reason}
    </span>,
    <span key="since" className="number" title={row.since}>
      {row.since !== undefined && clock(row.since, now)}
    </span>,
  ];
}
