import type { ToolApproval, TriggerRecord } from '@shoal/protocol';
import { useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import type { DesiredRow, DesiredStanding, HostRow } from '../../core/engine-rows.ts';
import { clock, plural } from '../../core/format.ts';
import { withdrawWord } from '../../io/device-tools.ts';
import { useConsole } from '../hooks.ts';
import { Badge, type Tone } from '../parts/badge.tsx';
import { Confirm, type Question } from '../parts/confirm.tsx';
import { RecordTable } from './record-table.tsx';

interface Rows<T> {
  readonly rows: readonly T[];
  readonly now: number;
}

const STANDINGS: Readonly<Record<DesiredStanding, Tone>> = {
  'as wanted': 'good',
  starting: 'busy',
  missing: 'bad',
  'still there': 'warn',
  'crash loop': 'bad',
};

export function DesiredAgents({ rows, now }: Rows<DesiredRow>): ReactNode {
  const well = rows.filter(({ standing }) => standing === 'as wanted').length;
  return (
    <RecordTable
      title="Agents that supervisors keep alive"
      note={rows.length === 0 ? undefined : `${well} of ${rows.length} as wanted`}
      columns={['Agent', 'Wanted', 'Is', 'Blueprint', 'Start', 'Claimed']}
      rows={rows}
      keyOf={({ agentId }) => agentId}
      empty="None: no desired record is on the broker."
      cells={(row) => [
        <Link href={`/fleet/${row.agentId}`}>{row.agentId}</Link>,
        row.wanted,
        <Badge tone={STANDINGS[row.standing]}>{row.standing}</Badge>,
        <span className="mono">{row.blueprint}</span>,
        <span className="number">
          {row.attempt === 0 ? 'never' : `no. ${row.attempt}`}
          {row.quickDeaths > 0 && `, ${plural(row.quickDeaths, 'quick death')} in a row`}
        </span>,
        row.supervisorId === undefined ? '–' : `${clock(row.claimedAt, now)} by ${row.supervisorId}`,
      ]}
    />
  );
}

export function Triggers({ rows, now }: Rows<TriggerRecord>): ReactNode {
  return (
    <RecordTable
      title="Triggers"
      note={rows.length === 0 ? undefined : 'one row for each schedule, and for each key of an alarm'}
      columns={['Workflow', 'Trigger', 'Key', 'State', 'Last', 'Alarms']}
      rows={rows}
      keyOf={({ workflowId, triggerId, key }) => `${workflowId} ${triggerId} ${key}`}
      empty="None has fired: no trigger record is on the broker."
      cells={(row) => [
        row.workflowId,
        <span className="mono">{row.triggerId}</span>,
        row.key === '' ? (
          <span className="muted">schedule</span>
        ) : (
          <span className="mono wrap">{row.key}</span>
        ),
        <Badge tone={row.state === 'fired' ? 'warn' : 'good'}>{row.state}</Badge>,
        <span className="number">{clock(row.firedAt ?? row.at, now)}</span>,
        <span className="number">{row.episode === 0 ? '–' : row.episode}</span>,
      ]}
    />
  );
}

export function Hosts({ rows, now }: Rows<HostRow>): ReactNode {
  return (
    <RecordTable
      title="Hosts"
      note={rows.length === 0 ? undefined : `${rows.length} announced`}
      columns={['Host', 'State', 'Places taken', 'Labels', 'Version', 'Last heard of']}
      rows={rows}
      keyOf={({ hostId }) => hostId}
      empty="None has announced itself: agents run where their supervisors are."
      cells={(row) => [
        <span className="mono">{row.hostId}</span>,
        <Badge tone={row.silent || row.state === 'lost' ? 'bad' : row.state === 'ready' ? 'good' : 'calm'}>
          {row.silent ? 'silent' : row.state}
        </Badge>,
        <span className="number">
          {row.running} of {row.capacity}
        </span>,
        Object.entries(row.labels)
          .map(([name, value]) => `${name}=${value}`)
          .join(', ') || '–',
        row.version,
        <span className="number">{clock(row.at, now)}</span>,
      ]}
    />
  );
}

/** Words on tool calls that stand: only a call with exactly these arguments is meant. */
export function ToolWords({
  words,
  now,
}: {
  readonly words: readonly ToolApproval[];
  readonly now: number;
}): ReactNode {
  const { credentials, link, scope } = useConsole();
  const [question, setQuestion] = useState<Question | undefined>();
  const standing = words.filter(({ expiresAt }) => Date.parse(expiresAt) > now);
  const ask = (word: ToolApproval): void =>
    setQuestion({
      title: `Take this word on ${word.tool} back?`,
      text: <p>From then on no call is made under it. One that was made already is told, not undone.</p>,
      action: 'Take back',
      onYes: () => withdrawWord(link, credentials, word, scope),
    });
  const dialog = question && <Confirm question={question} onClose={() => setQuestion(undefined)} />;
  if (standing.length === 0) return dialog;
  return (
    <>
      <RecordTable
        title="Words on tool calls that still stand"
        columns={['Device', 'Tool', 'Arguments', 'Word', 'By', 'Until', '']}
        rows={standing}
        keyOf={({ approvalId, deviceId }) => `${deviceId} ${approvalId}`}
        empty=""
        cells={(row) => [
          <Link href={`/fleet/${row.deviceId}`}>{row.deviceId}</Link>,
          <span className="mono">{row.tool}</span>,
          <span className="mono wrap">{JSON.stringify(row.args)}</span>,
          <Badge tone={row.action === 'approve' ? 'good' : 'bad'}>{row.action}</Badge>,
          row.by,
          <span className="number">{clock(row.expiresAt, now)}</span>,
          <button type="button" className="button button-small" onClick={() => ask(row)}>
            Take back
          </button>,
        ]}
      />
      {dialog}
    </>
  );
}
