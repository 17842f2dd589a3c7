import { Type, type Static } from 'typebox';
import { count, json, orNull, text, words } from './parts.ts';

export const SessionState = words(
  'running',
  'paused',
  'input-required',
  'canceling',
  'completed',
  'failed',
  'canceled',
  'unknown',
);
export type SessionState = Static<typeof SessionState>;

export const SessionRow = Type.Object({
  org: text,
  unit: text,
  sessionId: text,
  workflowId: text,
  state: SessionState,
  /** Outcome written and every caller answered. */
  closed: Type.Boolean(),
  createdAt: text,
  endedAt: orNull(text),
  deadlineAt: text,
  stepsDone: count,
  steps: count,
});
export type SessionRow = Static<typeof SessionRow>;

export const SessionsList = Type.Object({
  sessions: Type.Array(SessionRow),
  /** Records that could not be read, with the reason. */
  unreadable: Type.Array(text),
});
export type SessionsList = Static<typeof SessionsList>;

const Problem = Type.Object({ code: text, message: text });

export const StepRow = Type.Object({
  stepId: text,
  state: words(
    'pending',
    'waiting',
    'running',
    'retrying',
    'parked',
    'done',
    'lost',
    'input-required',
    'completed',
    'failed',
    'skipped',
    'canceled',
    'unknown',
  ),
  attempt: count,
  /** Steps that it waits for. */
  waitsFor: Type.Array(text),
  /** Why it stands where it stands, for people. */
  why: orNull(text),
  startedAt: orNull(text),
  endedAt: orNull(text),
  summary: orNull(text),
  error: orNull(Problem),
  output: Type.Optional(json),
});
export type StepRow = Static<typeof StepRow>;

export const SessionDetail = Type.Object({
  session: SessionRow,
  steps: Type.Array(StepRow),
  approvals: Type.Array(
    Type.Object({ stepId: text, prompt: text, approvers: orNull(Type.Array(text)), expiresAt: text }),
  ),
  callers: count,
  rerunOf: orNull(text),
  parent: orNull(Type.Object({ sessionId: text, stepId: text })),
  request: json,
  variables: json,
  /** The A2A task that callers get; null while it runs. */
  task: json,
});
export type SessionDetail = Static<typeof SessionDetail>;

export const SessionEvent = Type.Object({
  at: text,
  kind: words('session', 'step', 'approval', 'control', 'outcome', 'closed'),
  stepId: orNull(text),
  state: orNull(text),
  attempt: orNull(count),
  message: text,
});
export type SessionEvent = Static<typeof SessionEvent>;

export const SessionWatch = Type.Object({
  session: orNull(SessionRow),
  events: Type.Array(SessionEvent),
  dropped: count,
});
export type SessionWatch = Static<typeof SessionWatch>;

export const SessionChanged = Type.Object({
  org: text,
  unit: text,
  sessionId: text,
  action: words('cancel', 'pause', 'resume', 'approve', 'deny', 'purge', 'extend'),
  by: text,
});
export type SessionChanged = Static<typeof SessionChanged>;

export const SessionRerun = Type.Object({
  org: text,
  unit: text,
  sessionId: text,
  of: text,
  from: text,
  state: text,
});
export type SessionRerun = Static<typeof SessionRerun>;
