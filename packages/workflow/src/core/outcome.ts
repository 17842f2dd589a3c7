import type {
  Artifact,
  Message,
  Part,
  PlannedStep,
  SessionOutcome,
  SessionRecord,
  StepResult,
  StepSummary,
  Task,
  TaskState,
} from '@shoal/protocol';
import { claimedItems } from './active-step.ts';
import { approvalExpiresAt, pendingApprovals } from './approval.ts';
import { compensationsOf, compensationSummary } from './compensation.ts';
import { isTolerated } from './readiness.ts';
import { isoTime } from './time.ts';
import { isPaused, type SessionView, type StepView } from './view.ts';

type OutcomeState = SessionOutcome['state'];

const TASK_STATES: Readonly<Record<OutcomeState, TaskState>> = {
  completed: 'TASK_STATE_COMPLETED',
  failed: 'TASK_STATE_FAILED',
  canceled: 'TASK_STATE_CANCELED',
  unknown: 'TASK_STATE_FAILED',
};

/** What the outcome waits for, in order: steps without a result, items at work, and compensations that are due. */
export function unfinishedSteps(session: SessionRecord, view: SessionView): readonly PlannedStep[] {
  const open: PlannedStep[] = [];
  const add = (step: PlannedStep): void => {
    if (view.steps.get(step.id)?.result === undefined) open.push(step);
  };
  for (const step of session.steps) {
    add(step);
    for (const { planned } of claimedItems(view, step)) add(planned);
  }
  for (const { planned } of compensationsOf(view)) add(planned);
  return open;
}

/**
 * The one end of a session, from the results of all its steps. Undefined while one is missing. Apart from times and attempt numbers
 * it depends on the results alone, so whoever closes, and however often, says the same.
 */
export function buildOutcome(
  view: SessionView,
  now: number,
  supervisorId?: string,
): SessionOutcome | undefined {
  const { session } = view;
  if (session === undefined) return undefined;
  const results = session.steps.flatMap((step) => {
    const result = view.steps.get(step.id)?.result;
    return result === undefined ? [] : [{ step, result }];
  });
  if (unfinishedSteps(session, view).length > 0) return undefined;
  const state = outcomeState(session, results);
  const compensation = compensationSummary(view, summaryOf);
  return {
    schemaVersion: 1,
    sessionId: session.sessionId,
    workflowId: session.workflowId,
    planHash: session.planHash,
    state,
    task: outcomeTask(session, results, state, now, compensation),
    steps: results.map(({ result }) => summaryOf(result)),
    ...(compensation === undefined ? {} : { compensation }),
    at: isoTime(now),
    ...(supervisorId === undefined ? {} : { supervisorId }),
  };
}

interface Ended {
  readonly step: PlannedStep;
  readonly result: StepResult;
}

function outcomeState(session: SessionRecord, ended: readonly Ended[]): OutcomeState {
  const blamed = ended.filter(({ step }) => !isTolerated(step, session.steps));
  if (blamed.some(({ result }) => result.state === 'unknown')) return 'unknown';
  if (ended.some(({ result }) => result.state === 'canceled')) return 'canceled';
  return blamed.some(({ result }) => result.state === 'failed') ? 'failed' : 'completed';
}

function outcomeTask(
  session: SessionRecord,
  ended: readonly Ended[],
  state: OutcomeState,
  now: number,
  compensation: SessionOutcome['compensation'],
): Task {
  const message = statusText(session, ended, state);
  const artifacts = artifactsOf(session, ended);
  return {
    id: session.sessionId,
    contextId: session.contextId,
    status: {
      state: TASK_STATES[state],
      timestamp: isoTime(now),
      ...(message === undefined
        ? {}
        : {
            message: {
              messageId: `${session.sessionId}-outcome`,
              role: 'ROLE_AGENT',
              parts: [{ text: message }],
              contextId: session.contextId,
              taskId: session.sessionId,
            },
          }),
    },
    ...(artifacts.length === 0 ? {} : { artifacts: [...artifacts] }),
    metadata: {
      workflowId: session.workflowId,
      outcome: state,
      ...(session.rerun === undefined ? {} : { rerunOf: session.rerun.of }),
      ...(compensation === undefined ? {} : { compensation: compensation.state }),
      ...flagsOf(ended),
      steps: Object.fromEntries(ended.map(({ step, result }) => [step.id, result.state])),
    },
  };
}

function flagsOf(ended: readonly Ended[]): { readonly flags?: readonly string[] } {
  const flags = new Set(ended.flatMap(({ result }) => result.flags ?? []));
  return flags.size === 0 ? {} : { flags: [...flags].toSorted() };
}

function statusText(
  session: SessionRecord,
  ended: readonly Ended[],
  state: OutcomeState,
): string | undefined {
  if (state === 'completed') return ended.find(({ step }) => step.id === session.closer)?.result.summary;
  const wanted = state === 'canceled' ? 'canceled' : state;
  return ended
    .filter(
      ({ step, result }) =>
        result.state === wanted && (state === 'canceled' || !isTolerated(step, session.steps)),
    )
    .map(
      ({ step, result }) =>
        `step ${step.id} ${wanted}: ${result.error?.code ?? ''}: ${result.error?.message ?? ''}`,
    )
    .join('\n');
}

/** Every artifact that a step made, and the output of each terminal step that made none. */
function artifactsOf(session: SessionRecord, ended: readonly Ended[]): readonly Artifact[] {
  const needed = new Set(session.steps.flatMap((step) => step.needs.map((edge) => edge.step)));
  const taken = new Set<string>();
  return ended.flatMap(({ step, result }) => {
    if (result.state !== 'completed') return [];
    const made = result.artifacts ?? [];
    const output: Artifact[] =
      made.length > 0 || needed.has(step.id)
        ? []
        : [{ artifactId: step.id, name: step.id, parts: [outputPart(result)] }];
    return [...made, ...output].map((artifact) => {
      const artifactId = taken.has(artifact.artifactId)
        ? `${step.id}.${artifact.artifactId}`
        : artifact.artifactId;
      taken.add(artifactId);
      return { ...artifact, artifactId };
    });
  });
}

/** An output that was too large for its record is told by where it lies. */
function outputPart({ output, outputRef }: StepResult): Part {
  if (outputRef === undefined) return { data: output ?? null };
  const { uri, mediaType, sha256, bytes } = outputRef;
  return { url: uri, mediaType, metadata: { sha256, bytes } };
}

function summaryOf(result: StepResult): StepSummary {
  return {
    id: result.stepId,
    state: result.state,
    attempt: result.attempt,
    ...(result.startedAt === undefined ? {} : { startedAt: result.startedAt }),
    at: result.at,
    ...(result.error === undefined ? {} : { error: result.error }),
  };
}

/** The session as an A2A task, at any time: the outcome word for word, or where it stands. */
export function taskOf(view: SessionView): Task | undefined {
  if (view.outcome !== undefined) return view.outcome.task;
  const { session } = view;
  if (session === undefined) return undefined;
  const states = session.steps.map((step) => view.steps.get(step.id));
  const pending = pendingApprovals(view);
  const begun = states.some((step) => step?.result !== undefined || step?.status?.state === 'running');
  return {
    id: session.sessionId,
    contextId: session.contextId,
    status: {
      state:
        pending.length > 0
          ? 'TASK_STATE_INPUT_REQUIRED'
          : begun
            ? 'TASK_STATE_WORKING'
            : 'TASK_STATE_SUBMITTED',
      timestamp: latestTime(session, states),
      ...(pending.length === 0 ? {} : { message: questionOf(session, view, pending) }),
    },
    history: [session.request],
    metadata: {
      workflowId: session.workflowId,
      ...(isPaused(view) ? { paused: true } : {}),
      ...(pending.length === 0 ? {} : { approvals: pending.map(({ id }) => id) }),
      steps: Object.fromEntries(
        session.steps.map((step) => {
          const records = view.steps.get(step.id);
          return [step.id, records?.result?.state ?? records?.status?.state ?? 'claimed'];
        }),
      ),
    },
  };
}

/** What people are asked, a line for each approval that is open. */
function questionOf(session: SessionRecord, view: SessionView, pending: readonly PlannedStep[]): Message {
  const approvals = pending.flatMap(({ id }) => view.steps.get(id)?.approval ?? []);
  return {
    messageId: `${session.sessionId}-approval-${pending.map(({ id }) => id).join('-')}`,
    role: 'ROLE_AGENT',
    parts: approvals.flatMap(({ stepId, prompt, approvers }) => [
      { text: `${stepId}: ${prompt}` },
      {
        data: {
          approval: {
            stepId,
            prompt,
            expiresAt: approvalExpiresAt(view, stepId),
            ...(approvers === undefined ? {} : { approvers }),
          },
        },
      },
    ]),
    contextId: session.contextId,
    taskId: session.sessionId,
  };
}

/** When the session last moved: a task that is read twice has not changed by being read. */
function latestTime(session: SessionRecord, steps: readonly (StepView | undefined)[]): string {
  return steps
    .flatMap((step) => [step?.status?.at, step?.result?.at, step?.approval?.at])
    .reduce<string>((latest, at) => (at !== undefined && at > latest ? at : latest), session.createdAt);
}
