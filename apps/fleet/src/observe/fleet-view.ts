import type {
  AttemptRecord,
  ReasoningRecord,
  SessionOutcome,
  SessionRecord,
  StepResult,
  StepStatus,
  WorkOrder,
} from '@shoal/protocol';
import type { FleetReport, ReportedAnomaly, ReportedSession, ReportedStep } from './report.ts';
import { describeEvidence, readEvidence } from './evidence.ts';
import { ReasoningView } from './reasoning-view.ts';
import { readWorkOrder } from './read-work-order.ts';

/** Something that the broker told the observer. */
export type Fact =
  | {
      readonly kind: 'presence';
      readonly agentId: string;
      readonly role: AgentRole;
      readonly state: string;
      readonly source: string;
    }
  | { readonly kind: 'session'; readonly record: SessionRecord }
  | { readonly kind: 'attempt'; readonly record: AttemptRecord }
  | { readonly kind: 'status'; readonly record: StepStatus }
  | { readonly kind: 'result'; readonly record: StepResult }
  | { readonly kind: 'outcome'; readonly record: SessionOutcome }
  | { readonly kind: 'reasoning'; readonly record: ReasoningRecord };

export type AgentRole = 'device' | 'workflow' | 'other';

/** One line of the live log. */
export interface LogLine {
  readonly topic:
    | 'online'
    | 'offline'
    | 'anomaly'
    | 'request'
    | 'step'
    | 'lost'
    | 'respawn'
    | 'result'
    | 'hand-over'
    | 'order'
    | 'model'
    | 'end';
  readonly subject: string;
  readonly text: string;
  /** With `order`: the order itself. */
  readonly order?: WorkOrder;
}

interface StepView {
  attempts: number;
  lastState: string;
  result?: StepResult;
}

interface SessionView {
  readonly record: SessionRecord;
  readonly seenAt: string;
  readonly steps: Map<string, StepView>;
  outcome?: SessionOutcome;
}

/**
 * What the log and the report know, folded from retained records alone: a viewer that comes late sees the same. Records may come in
 * any order and more than once.
 */
export class FleetView {
  readonly #presence = new Map<string, { role: AgentRole; state: string }>();
  readonly #sessions = new Map<string, SessionView>();
  /** Records of a session whose plan has not been seen yet, bounded. */
  readonly #early = new Map<string, Fact[]>();
  readonly #since: string;
  readonly #reasoning: ReasoningView;
  #workOrder: WorkOrder | undefined;

  /** Sessions that were created before `since` (ISO 8601) are those of an earlier run, and left out. */
  constructor(since: string) {
    this.#since = since;
    this.#reasoning = new ReasoningView(since);
  }

  get workOrder(): WorkOrder | undefined {
    return this.#workOrder;
  }

  presenceOf(agentId: string): string {
    return this.#presence.get(agentId)?.state ?? 'unregistered';
  }

  observe(fact: Fact, at: string): readonly LogLine[] {
    if (fact.kind === 'presence') return this.#observePresence(fact);
    if (fact.kind === 'session') return this.#observeSession(fact.record, at);
    if (fact.kind === 'reasoning') return this.#reasoning.observe(fact.record);
    const session = this.#sessions.get(fact.record.sessionId);
    if (session === undefined) {
      this.#keepEarly(fact.record.sessionId, fact);
      return [];
    }
    if (fact.kind === 'outcome') return this.#observeOutcome(session, fact.record);
    return observeStep(session, fact);
  }

  sessions(): readonly ReportedSession[] {
    return [...this.#sessions.values()].map(reportSession);
  }

  anomalies(): readonly ReportedAnomaly[] {
    return [...this.#sessions.values()].map(({ record, seenAt }) => ({
      ...readEvidence(record.variables),
      sessionId: record.sessionId,
      observedAt: seenAt,
    }));
  }

  report(base: Omit<FleetReport, 'anomalies' | 'sessions' | 'workOrder' | 'reasoning'>): FleetReport {
    return {
      ...base,
      anomalies: this.anomalies(),
      sessions: this.sessions(),
      workOrder: this.#workOrder ?? null,
      reasoning: this.#reasoning.decisions,
    };
  }

  #observePresence({ agentId, role, state, source }: Fact & { kind: 'presence' }): readonly LogLine[] {
    const before = this.#presence.get(agentId)?.state;
    this.#presence.set(agentId, { role, state });
    if (before === state) return [];
    if (state === 'online')
      return [{ topic: 'online', subject: agentId, text: role === 'other' ? 'agent' : `${role} agent` }];
    return before === 'online'
      ? [{ topic: 'offline', subject: agentId, text: `${state} (says ${source})` }]
      : [];
  }

  #observeSession(record: SessionRecord, at: string): readonly LogLine[] {
    if (this.#sessions.has(record.sessionId) || record.createdAt < this.#since) return [];
    const session: SessionView = { record, seenAt: at, steps: new Map() };
    this.#sessions.set(record.sessionId, session);
    const evidence = readEvidence(record.variables);
    const early = this.#early.get(record.sessionId) ?? [];
    this.#early.delete(record.sessionId);
    return [
      { topic: 'anomaly', subject: evidence.deviceId, text: describeEvidence(evidence) },
      {
        topic: 'request',
        subject: evidence.deviceId,
        text: `its agent asks ${record.workflowId}: session ${shortId(record.sessionId)}, ${record.steps.length} steps`,
      },
      ...early.flatMap((fact) => this.observe(fact, at)),
    ];
  }

  #observeOutcome(session: SessionView, outcome: SessionOutcome): readonly LogLine[] {
    if (session.outcome !== undefined) return [];
    session.outcome = outcome;
    const order = readWorkOrder(outcome.task);
    this.#workOrder ??= order;
    const end: LogLine = {
      topic: 'end',
      subject: shortId(outcome.sessionId),
      text: `session ${outcome.state}${undone(outcome)}`,
    };
    return order === undefined
      ? [end]
      : [{ topic: 'order', subject: order.deviceId, text: order.text, order }, end];
  }

  #keepEarly(sessionId: string, fact: Fact): void {
    const facts = this.#early.get(sessionId) ?? [];
    if (facts.length >= MAX_EARLY_FACTS || (facts.length === 0 && this.#early.size >= MAX_EARLY_SESSIONS))
      return;
    this.#early.set(sessionId, [...facts, fact]);
  }
}

/** What a failed session gave back. */
function undone({ compensation }: SessionOutcome): string {
  if (compensation === undefined) return '';
  const steps = compensation.steps.map(({ id, state }) => `${id} ${state}`);
  return `; what it had done was undone: ${steps.join(', ')}`;
}

const MAX_EARLY_FACTS = 200;
const MAX_EARLY_SESSIONS = 200;

function observeStep(
  session: SessionView,
  fact: Fact & { kind: 'attempt' | 'status' | 'result' },
): readonly LogLine[] {
  const { stepId } = fact.record;
  const step = session.steps.get(stepId) ?? { attempts: 0, lastState: '' };
  session.steps.set(stepId, step);
  if (fact.kind === 'attempt') return observeAttempt(step, fact.record);
  if (fact.kind === 'status') return observeStatus(step, fact.record);
  if (step.result !== undefined) return [];
  step.result = fact.record;
  return [
    { topic: 'result', subject: stepId, text: describeResult(fact.record) },
    ...handOver(session, stepId, fact.record),
  ];
}

function observeAttempt(step: StepView, record: AttemptRecord): readonly LogLine[] {
  if (record.attempt <= step.attempts) return [];
  step.attempts = record.attempt;
  if (record.attempt === 1) return [];
  return [
    {
      topic: 'respawn',
      subject: record.stepId,
      text: `attempt ${record.attempt}, claimed by ${record.supervisorId}`,
    },
  ];
}

function observeStatus(step: StepView, record: StepStatus): readonly LogLine[] {
  step.attempts = Math.max(step.attempts, record.attempt);
  const seen = `${record.attempt}:${record.state}`;
  if (step.lastState === seen || record.attempt < step.attempts) return [];
  step.lastState = seen;
  if (record.state === 'lost')
    return [
      {
        topic: 'lost',
        subject: record.stepId,
        text: `instance of attempt ${record.attempt} died; its will says so`,
      },
    ];
  if (record.state === 'running')
    return [{ topic: 'step', subject: record.stepId, text: `at work, attempt ${record.attempt}` }];
  if (record.state === 'retrying')
    return [
      {
        topic: 'step',
        subject: record.stepId,
        text: `attempt ${record.attempt} failed, retrying: ${record.error?.message ?? ''}`,
      },
    ];
  return [];
}

function handOver(session: SessionView, stepId: string, result: StepResult): readonly LogLine[] {
  if (result.state !== 'completed') return [];
  const next = session.record.steps
    .filter((step) => step.needs.some((need) => need.step === stepId))
    .map((step) => step.id);
  return next.length === 0 ? [] : [{ topic: 'hand-over', subject: stepId, text: `→ ${next.join(', ')}` }];
}

function describeResult(result: StepResult): string {
  if (result.state === 'completed') return result.summary ?? 'completed';
  return `${result.state}: ${result.error?.code ?? ''} ${result.error?.message ?? ''}`.trimEnd();
}

function reportSession({ record, steps, outcome }: SessionView): ReportedSession {
  return {
    sessionId: record.sessionId,
    workflowId: record.workflowId,
    deviceId: readEvidence(record.variables).deviceId,
    state: outcome?.state ?? 'running',
    startedAt: record.createdAt,
    endedAt: outcome?.at ?? null,
    steps: record.steps.map((planned) => reportStep(planned.id, steps.get(planned.id))),
  };
}

function reportStep(id: string, step: StepView | undefined): ReportedStep {
  const { result } = step ?? {};
  return {
    id,
    state: result?.state ?? step?.lastState.split(':')[1] ?? 'pending',
    attempts: step?.attempts ?? 0,
    startedAt: result?.startedAt ?? null,
    endedAt: result?.at ?? null,
    summary: result?.summary ?? null,
    error: result?.error === undefined ? null : { code: result.error.code, message: result.error.message },
  };
}

function shortId(id: string): string {
  return id.slice(0, 8);
}
