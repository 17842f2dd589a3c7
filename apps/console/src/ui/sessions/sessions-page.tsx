import { useDeferredValue, useMemo, useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { ago, clock, duration, plural } from '../../core/format.ts';
import {
  isOpen,
  SESSION_STATES,
  sortRows,
  type SessionRow,
  type SessionState,
} from '../../core/session-row.ts';
import { useConsole, useNow, useSignal } from '../hooks.ts';
import { StateBadge, toneOf } from '../parts/badge.tsx';
import { Chips } from '../parts/chips.tsx';
import { Empty, Notice, PageHead } from '../parts/page-head.tsx';
import { Search } from '../parts/search.tsx';
import { usePhone } from '../parts/use-phone.ts';
import { VirtualTable, type Column } from '../parts/virtual-table.tsx';

const COLUMNS: readonly Column[] = [
  { id: 'session', label: 'Session' },
  { id: 'state', label: 'State' },
  { id: 'progress', label: 'Steps' },
  { id: 'note', label: 'Now' },
  { id: 'began', label: 'Began' },
  { id: 'took', label: 'Took' },
];

export function SessionsPage(): ReactNode {
  const { sessions } = useConsole();
  const version = useSignal(sessions.signal);
  const [state, setState] = useState<SessionState | 'any'>('any');
  const [text, setText] = useState('');
  const wanted = useDeferredValue(text.trim().toLowerCase());
  const all = useMemo(() => sortRows(sessions.rows()), [sessions, version]);
  const rows = useMemo(
    () =>
      all.filter(
        (row) =>
          (state === 'any' || row.state === state) &&
          (wanted === '' || `${row.sessionId} ${row.workflowId} ${row.note}`.toLowerCase().includes(wanted)),
      ),
    [all, state, wanted],
  );
  const rejected = sessions.rejected();
  return (
    <>
      <PageHead title="Sessions" note={<span role="status">{noteOf(all, sessions.dropped)}</span>} />
      {sessions.failure !== undefined && (
        <Notice tone="bad">The sessions cannot be read: {sessions.failure}</Notice>
      )}
      {rejected.length > 0 && (
        <Notice tone="warn">
          {plural(rejected.length, 'record')} could not be used. The last one: {rejected.at(-1)}
        </Notice>
      )}
      <div className="filters">
        <Search label="Search sessions" value={text} onChange={setText} />
        <Chips
          label="State"
          value={state}
          all="any"
          options={SESSION_STATES.map((value) => ({
            value,
            label: value,
            count: all.filter((row) => row.state === value).length,
            tone: toneOf(value),
          }))}
          onChange={setState}
        />
      </div>
      {rows.length === 0 ? (
        <NoSessions loaded={sessions.loaded} any={all.length > 0} />
      ) : (
        <SessionTable rows={rows} />
      )}
    </>
  );
}

function noteOf(all: readonly SessionRow[], dropped: number): string {
  const open = all.filter((row) => isOpen(row.state)).length;
  const left = dropped === 0 ? '' : `, ${dropped} older ones let go`;
  return `${plural(all.length, 'session')}, ${open} open${left}`;
}

function NoSessions({ loaded, any }: { readonly loaded: boolean; readonly any: boolean }): ReactNode {
  if (!loaded) return <Empty title="Reading the records …" />;
  if (any) return <Empty title="No session matches" />;
  return (
    <Empty title="No session is on the broker">
      A session begins when somebody asks a workflow. Ask one under <Link href="/requests">Requests</Link>.
    </Empty>
  );
}

function SessionTable({ rows }: { readonly rows: readonly SessionRow[] }): ReactNode {
  const now = useNow();
  const phone = usePhone();
  return (
    <VirtualTable
      className="vtable-sessions"
      label="Sessions, the newest first"
      columns={COLUMNS}
      rows={rows}
      keyOf={({ sessionId }) => sessionId}
      rowHeight={() => (phone ? 80 : 40)}
      cells={(row) => [
        <span key="session" className="agent-name">
          <Link href={`/sessions/${row.sessionId}`}>{row.workflowId}</Link>
          <span className="muted mono">{row.sessionId.slice(0, 8)}</span>
          {row.rerunOf !== undefined && <span className="flag">run again</span>}
        </span>,
        <StateBadge key="state" state={row.state} />,
        <Progress key="progress" ended={row.ended} steps={row.steps} />,
        <span key="note" className="clip" title={row.note}>
          {row.note}
        </span>,
        <span key="began" className="number">
          {clock(new Date(row.createdMs).toISOString(), now)}
        </span>,
        <span key="took" className="number">
          {row.endedMs === undefined ? ago(row.createdMs, now) : duration(row.endedMs - row.createdMs)}
        </span>,
      ]}
    />
  );
}

function Progress({ ended, steps }: { readonly ended: number; readonly steps: number }): ReactNode {
  return (
    <span className="progress">
      <progress max={steps} value={ended} aria-label={`${ended} of ${steps} steps have ended`} />
      <span className="number">
        {ended}/{steps}
      </span>
    </span>
  );
}
