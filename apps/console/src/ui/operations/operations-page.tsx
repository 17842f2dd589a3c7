import { useMemo, type ReactNode } from 'react';
import { Link } from 'wouter';
import {
  decisionRows,
  desiredRows,
  hostRows,
  modelUse,
  triggerRows,
  waitingApprovals,
} from '../../core/engine-rows.ts';
import { plural } from '../../core/format.ts';
import { useConsole, useNow, useSignal } from '../hooks.ts';
import { Notice, PageHead } from '../parts/page-head.tsx';
import { Approvals } from './approvals.tsx';
import { Decisions, ModelUseTable } from './model-use.tsx';
import { DesiredAgents, Hosts, ToolWords, Triggers } from './engine-tables.tsx';

/** What waits for a person, and what keeps the unit going: all of it from retained records. */
export function OperationsPage(): ReactNode {
  const { engine, fleet, sessions, scope } = useConsole();
  const version = useSignal(engine.signal);
  const sessionVersion = useSignal(sessions.signal);
  const fleetVersion = useSignal(fleet.signal);
  const now = useNow(5_000);
  const { view } = engine;
  const approvals = useMemo(() => waitingApprovals(sessions.views()), [sessions, sessionVersion]);
  const desired = useMemo(
    () =>
      desiredRows(
        view,
        (agentId) => fleet.agent(`${scope.org}/${scope.unit}/${agentId}`)?.presence.state === 'online',
      ),
    [view, version, fleet, fleetVersion, scope],
  );
  const triggers = useMemo(() => triggerRows(view), [view, version]);
  const decisions = useMemo(() => decisionRows(view), [view, version]);
  const use = modelUse(view, new Date(now).toISOString().slice(0, 10));
  const [canary] = view.canary.values();
  const rejected = engine.rejected();
  return (
    <>
      <PageHead
        title="Operations"
        note={
          <span role="status">
            {approvals.length === 0
              ? 'nothing waits for a person'
              : `${plural(approvals.length, 'approval')} ${approvals.length === 1 ? 'waits' : 'wait'}`}
          </span>
        }
      />
      {engine.refused.length > 0 && (
        <Notice tone="warn">
          This credential may not read {engine.refused.join(', ')}: what would stand there is not shown.
        </Notice>
      )}
      {rejected.length > 0 && (
        <Notice tone="warn">
          {plural(rejected.length, 'record')} could not be used. The last one: {rejected.at(-1)}
        </Notice>
      )}
      {canary?.state === 'lossy' && (
        <Notice tone="bad">
          This broker forgets retained messages when it restarts: steps that must not act twice are{' '}
          {canary.refuse ? 'refused' : 'flagged'}. Switch its persistence on.
        </Notice>
      )}
      <Approvals approvals={approvals} now={now} />
      <ToolWords words={[...view['tool-approval'].values()]} now={now} />
      <DesiredAgents rows={desired} now={now} />
      <Triggers rows={triggers} now={now} />
      <Hosts rows={hostRows(view, now)} now={now} />
      <ModelUseTable use={use} />
      <Decisions rows={decisions} now={now} />
      {canary !== undefined && canary.state !== 'lossy' && (
        <p className="muted">
          {canary.state === 'durable'
            ? 'The broker keeps retained messages over a restart.'
            : 'Nobody has seen yet whether the broker keeps retained messages over a restart.'}
        </p>
      )}
      <p className="muted">
        Which workflows can be started is in the <Link href="/registry">registry</Link>.
      </p>
    </>
  );
}
