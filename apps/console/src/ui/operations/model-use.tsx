import type { ReasoningRecord } from '@shoal/protocol';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { ModelUse } from '../../core/engine-rows.ts';
import { clock, usd } from '../../core/format.ts';
import { Badge, type Tone } from '../parts/badge.tsx';
import { RecordTable } from './record-table.tsx';

export function ModelUseTable({ use }: { readonly use: readonly ModelUse[] }): ReactNode {
  const tokens = use.reduce((sum, row) => sum + row.tokens, 0);
  const cost = use.reduce((sum, row) => sum + row.costUsd, 0);
  return (
    <RecordTable
      title="Language models today"
      note={
        use.length === 0
          ? undefined
          : `${tokens.toLocaleString('en')} tokens, ${usd(cost)}, since midnight UTC`
      }
      columns={['Agent', 'Calls', 'Tokens', 'Cost']}
      rows={use}
      keyOf={({ agentId }) => agentId}
      empty="None was asked, or no agent keeps a budget."
      cells={(row) => [
        <Link href={`/fleet/${row.agentId}`}>{row.agentId}</Link>,
        <span className="number">{row.calls.toLocaleString('en')}</span>,
        <span className="number">{row.tokens.toLocaleString('en')}</span>,
        <span className="number">{usd(row.costUsd)}</span>,
      ]}
    />
  );
}

const DECIDERS: Readonly<Record<ReasoningRecord['decidedBy'], Tone>> = {
  model: 'busy',
  rules: 'calm',
  nobody: 'bad',
};

/** What reasoners decided, and who: the model, or the rules in its place. */
export function Decisions({
  rows,
  now,
}: {
  readonly rows: readonly ReasoningRecord[];
  readonly now: number;
}): ReactNode {
  return (
    <RecordTable
      title="Decisions of reasoners"
      columns={['At', 'Agent', 'Purpose', 'Decided by', 'Model', 'Tokens', 'What stood in the way']}
      rows={rows}
      keyOf={({ reasoningId, agentId }) => `${agentId} ${reasoningId}`}
      empty="None is on the broker: rules decide without a record, unless a reasoner is configured."
      cells={(row) => [
        <span className="number">{clock(row.at, now)}</span>,
        row.sessionId === undefined ? (
          row.agentId
        ) : (
          <Link href={`/sessions/${row.sessionId}`}>{row.stepId ?? row.agentId}</Link>
        ),
        row.purpose,
        <Badge tone={DECIDERS[row.decidedBy]}>{row.decidedBy}</Badge>,
        <span className="mono">{row.model ?? '–'}</span>,
        <span className="number">{(row.inputTokens + row.outputTokens).toLocaleString('en')}</span>,
        row.error === undefined ? (
          '–'
        ) : (
          <span>
            <code>{row.error.code}</code> {row.error.message}
          </span>
        ),
      ]}
    />
  );
}
