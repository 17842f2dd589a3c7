import { meterOf } from '@shoal/mqtt-link/tracing';
import type { SessionView } from '@shoal/workflow';
import type { SupervisorStats } from '../types.ts';
import type { RecordKind } from './session-store.ts';

export interface SupervisorMeters {
  /** To be called with every record of a session that comes in, repeated ones too. */
  onRecord(view: SessionView, kind: RecordKind, stepId: string | undefined): void;
  stop(): void;
}

/** Ends that were counted and may come again: after a reconnect the broker sends every record once more. */
const REMEMBERED = 10_000;

/**
 * What a supervisor measures of its unit; undefined without an OpenTelemetry SDK. Ends of steps and sessions are seen by every supervisor
 * and counted by the one that claimed the attempt, so that sums over supervisors are true.
 */
export function measureSupervisor(
  supervisorId: string,
  stats: () => SupervisorStats,
  sinceMs: number,
): SupervisorMeters | undefined {
  const meter = meterOf('@shoal/supervisor');
  if (meter === undefined) return undefined;
  const gauge = (name: string, description: string, value: (stats: SupervisorStats) => number) => {
    const made = meter.createObservableGauge(`shoal.supervisor.${name}`, { description });
    return [made, value, {}] as const;
  };
  const count = (name: string, description: string) =>
    meter.createObservableCounter(`shoal.supervisor.${name}`, { description });
  const spawns = count('spawns', 'Instances of steps that this supervisor started.');
  const agentSpawns = count('agent.spawns', 'Long-lived agents that this supervisor started.');
  const observed = [
    gauge('sessions.open', 'Sessions without outcome and end.', (now) => now.openSessions),
    gauge('sessions.known', 'Sessions whose records are held.', (now) => now.knownSessions),
    gauge('starts.waiting', 'Starts that wait for room.', (now) => now.waitingForRoom),
    gauge('starts.nowhere', 'Starts that nothing could take at present.', (now) => now.withoutPlace),
    gauge('cards.held', 'Cards of workflows that this supervisor holds.', (now) => now.cardsHeld.length),
    gauge('agents.desired', 'Long-lived agents that should run.', (now) => now.agents.desired),
    gauge('broker.loses_records', '1: the broker was seen to lose retained records.', (now) =>
      Number(now.brokerLosesRecords || now.durability === 'lossy'),
    ),
    [spawns, (now: SupervisorStats) => now.spawned - now.respawned, { respawn: false }] as const,
    [spawns, (now: SupervisorStats) => now.respawned, { respawn: true }] as const,
    [agentSpawns, (now: SupervisorStats) => now.agents.spawned - now.agents.respawned, { respawn: false }],
    [agentSpawns, (now: SupervisorStats) => now.agents.respawned, { respawn: true }],
  ] as const;
  const instruments = [...new Set(observed.map(([instrument]) => instrument))];
  const callback: Parameters<typeof meter.addBatchObservableCallback>[0] = (result) => {
    const now = stats();
    for (const [instrument, value, attributes] of observed)
      result.observe(instrument, value(now), attributes);
  };
  meter.addBatchObservableCallback(callback, instruments);
  const steps = meter.createHistogram('shoal.step.duration', {
    unit: 's',
    description: 'Steps from the start of their work to their result, by how they ended.',
    advice: { explicitBucketBoundaries: BOUNDARIES },
  });
  const sessions = meter.createHistogram('shoal.session.duration', {
    unit: 's',
    description: 'Sessions from request to outcome, by how they ended.',
    advice: { explicitBucketBoundaries: BOUNDARIES },
  });
  const counted = new Set<string>();
  /** True once for each end that this supervisor accounts for. */
  const isMine = (view: SessionView, stepId: string, at: string, key: string): boolean => {
    if (view.steps.get(stepId)?.attempt?.supervisorId !== supervisorId) return false;
    if (Date.parse(at) < sinceMs || counted.has(key)) return false;
    counted.add(key);
    const [oldest] = counted;
    if (counted.size > REMEMBERED && oldest !== undefined) counted.delete(oldest);
    return true;
  };
  return {
    onRecord(view, kind, stepId) {
      const { session, outcome, sessionId } = view;
      if (session === undefined) return;
      const workflow = session.workflowId;
      if (kind === 'result' && stepId !== undefined) {
        const result = view.steps.get(stepId)?.result;
        if (result === undefined || !isMine(view, stepId, result.at, `${sessionId}/${stepId}`)) return;
        const seconds = secondsBetween(result.startedAt ?? result.at, result.at);
        steps.record(seconds, { workflow, step: planStepId(stepId), state: result.state });
      }
      if (kind === 'outcome' && outcome !== undefined && isMine(view, session.closer, outcome.at, sessionId))
        sessions.record(secondsBetween(session.createdAt, outcome.at), { workflow, state: outcome.state });
    },
    stop: () => meter.removeBatchObservableCallback(callback, instruments),
  };
}

const BOUNDARIES = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200];

/** Items of a fan-out count under their step: a thousand of them must not be a thousand series. */
function planStepId(stepId: string): string {
  return stepId.replace(/\.\d+$/, '');
}

function secondsBetween(from: string, to: string): number {
  return Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);
}
