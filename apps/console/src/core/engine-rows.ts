import type { AgentAttempt, DesiredState, HostRecord, ReasoningRecord, TriggerRecord } from '@shoal/protocol';
import { approvalExpiresAt, pendingApprovals, type SessionView } from '@shoal/workflow';
import type { EngineView } from './engine-view.ts';

export interface WaitingApproval {
  readonly sessionId: string;
  readonly workflowId: string;
  readonly stepId: string;
  readonly prompt: string;
  /** Empty: anybody's word counts. */
  readonly approvers: readonly string[];
  readonly expiresAt: string;
}

/** Every step that a person is asked about; what ends first comes first. */
export function waitingApprovals(views: Iterable<SessionView>): readonly WaitingApproval[] {
  const waiting: WaitingApproval[] = [];
  for (const view of views)
    for (const { id } of pendingApprovals(view)) {
      const asked = view.steps.get(id)?.approval;
      if (asked === undefined || view.session === undefined) continue;
      waiting.push({
        sessionId: view.sessionId,
        workflowId: view.session.workflowId,
        stepId: id,
        prompt: asked.prompt,
        approvers: asked.approvers ?? [],
        expiresAt: approvalExpiresAt(view, id) ?? asked.expiresAt,
      });
    }
  return waiting.sort((a, b) => a.expiresAt.localeCompare(b.expiresAt));
}

/** How a long-lived agent stands to what is wanted of it. */
export type DesiredStanding = 'as wanted' | 'starting' | 'missing' | 'still there' | 'crash loop';

export interface DesiredRow {
  readonly agentId: string;
  readonly blueprint: string;
  readonly wanted: DesiredState['state'];
  readonly standing: DesiredStanding;
  readonly attempt: number;
  /** Deaths in a row soon after a start. */
  readonly quickDeaths: number;
  readonly supervisorId: string | undefined;
  readonly claimedAt: string | undefined;
}

/** So many deaths in a row soon after a start are no accident. */
const LOOP_DEATHS = 3;

/** What is wanted of every long-lived agent beside how it is; what is not as wanted first. `isOnline` is asked by agent id. */
export function desiredRows(
  { desired, 'agent-attempt': attempts }: EngineView,
  isOnline: (agentId: string) => boolean,
): readonly DesiredRow[] {
  const claims = new Map<string, AgentAttempt>([...attempts.values()].map((claim) => [claim.agentId, claim]));
  const rows = [...desired.values()].map((record) =>
    rowOf(record, claims.get(record.agentId), isOnline(record.agentId)),
  );
  const order = new Intl.Collator('en', { numeric: true });
  const calm = ({ standing }: DesiredRow): number => (standing === 'as wanted' ? 1 : 0);
  return rows.sort((a, b) => calm(a) - calm(b) || order.compare(a.agentId, b.agentId));
}

/** What is wanted of one agent; undefined when no supervisor keeps it. */
export function desiredRow(
  { desired, 'agent-attempt': attempts }: EngineView,
  agentId: string,
  online: boolean,
): DesiredRow | undefined {
  const record = [...desired.values()].find((wanted) => wanted.agentId === agentId);
  if (record === undefined) return undefined;
  return rowOf(
    record,
    [...attempts.values()].find((claim) => claim.agentId === agentId),
    online,
  );
}

function rowOf(
  { agentId, blueprint, state }: DesiredState,
  claim: AgentAttempt | undefined,
  online: boolean,
): DesiredRow {
  return {
    agentId,
    blueprint,
    wanted: state,
    standing: standingOf(state, online, claim),
    attempt: claim?.attempt ?? 0,
    quickDeaths: claim?.quickDeaths ?? 0,
    supervisorId: claim?.supervisorId,
    claimedAt: claim?.at,
  };
}

function standingOf(
  wanted: DesiredState['state'],
  online: boolean,
  claim: AgentAttempt | undefined,
): DesiredStanding {
  if (wanted === 'stopped') return online ? 'still there' : 'as wanted';
  if (online) return 'as wanted';
  if (claim === undefined) return 'missing';
  return claim.quickDeaths >= LOOP_DEATHS ? 'crash loop' : 'starting';
}

export interface HostRow extends HostRecord {
  /** Silent for three times as long as it said it would be: gone, whatever its record says. */
  readonly silent: boolean;
}

export function hostRows({ host }: EngineView, nowMs: number): readonly HostRow[] {
  return [...host.values()]
    .map((record): HostRow => {
      const at = record.at === undefined ? Number.NaN : Date.parse(record.at);
      return { ...record, silent: nowMs - at > 3_000 * record.refreshSeconds };
    })
    .sort((a, b) => a.hostId.localeCompare(b.hostId));
}

/** Those that have fired last, first. */
export function triggerRows({ trigger }: EngineView): readonly TriggerRecord[] {
  return [...trigger.values()].sort((a, b) => b.at.localeCompare(a.at));
}

export interface ModelUse {
  readonly agentId: string;
  readonly calls: number;
  readonly tokens: number;
  readonly costUsd: number;
}

/** What each agent used of models on a UTC day (`2026-03-01`); who used most comes first. */
export function modelUse({ usage }: EngineView, day: string): readonly ModelUse[] {
  return [...usage.values()]
    .filter(({ scope, scopeId }) => scope === 'day' && scopeId === day)
    .map(({ agentId, calls, tokens, costUsd }) => ({ agentId, calls, tokens, costUsd }))
    .sort((a, b) => b.tokens - a.tokens || a.agentId.localeCompare(b.agentId));
}

/** Decisions of reasoners, the newest first. */
export function decisionRows(
  { reasoning }: EngineView,
  only?: { readonly sessionId: string; readonly stepId: string },
): readonly ReasoningRecord[] {
  return [...reasoning.values()]
    .filter((r) => only === undefined || (r.sessionId === only.sessionId && r.stepId === only.stepId))
    .sort((a, b) => b.at.localeCompare(a.at));
}
