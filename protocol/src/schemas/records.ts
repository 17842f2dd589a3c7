import { Type, type TUnsafe } from 'typebox';
import { def, type Static } from './def.ts';
import { Artifact, Message } from './message.ts';
import { AnyObject, enumOf, mapOf, Timestamp } from './base.ts';
import { Task } from './task.ts';
import { FailurePolicy, Identifier, Json, StepJoin, StepRetry, StepUse } from './workflow.ts';

/*
 * What Shoal keeps on the broker, one retained message per record (DESIGN §3). One writer at a time: attempt, control and caller
 * are the supervisors'; everything else under a step, and the outcome, belongs to the holder of that step's client id.
 */

const schemaVersion = Type.Unsafe<1>({ const: 1 });
const attempt = Type.Integer({ minimum: 1, maximum: 1000, description: 'The n-th try of the step, from 1.' });
const at = Timestamp;
const session = { schemaVersion, sessionId: Identifier } as const;
const step = { ...session, stepId: Identifier } as const;

const $RecordError = Type.Object({
  code: Type.String({
    minLength: 1,
    maxLength: 100,
    description: 'Upper case with underscores, for programs: ATTEMPTS_EXHAUSTED.',
  }),
  message: Type.String({ maxLength: 4000 }),
  retryable: Type.Optional(Type.Boolean()),
  details: Type.Optional(Json),
});
export interface RecordError extends Static<typeof $RecordError> {}
export const RecordError: TUnsafe<RecordError> = def('RecordError', $RecordError);

const $PlannedStep = Type.Object({
  id: Identifier,
  description: Type.Optional(Type.String()),
  use: StepUse,
  with: Type.Optional(AnyObject),
  needs: Type.Array(Type.Object({ step: Identifier, onFailure: FailurePolicy }), {
    description: 'In the order of the definition; the policy of each edge is spelled out.',
  }),
  join: StepJoin,
  when: Type.Optional(Type.String()),
  timeoutSeconds: Type.Number({ exclusiveMinimum: 0 }),
  retry: StepRetry,
  onFailure: FailurePolicy,
  idempotent: Type.Optional(Type.Boolean({ description: 'Unset: as the blueprint says.' })),
});
/** A step of a plan: every default filled in. */
export interface PlannedStep extends Static<typeof $PlannedStep> {}
export const PlannedStep: TUnsafe<PlannedStep> = def('PlannedStep', $PlannedStep);

const $SessionRecord = Type.Object(
  {
    ...session,
    planHash: Type.String({
      pattern: '^[0-9a-f]{64}$',
      description:
        'SHA-256 over the canonical JSON (RFC 8785) of this record without planHash, createdAt, deadlineAt and expiresAt: two ' +
        'supervisors that accept one request agree on it.',
    }),
    org: Identifier,
    unit: Identifier,
    workflowId: Identifier,
    workflowVersion: Type.String(),
    contextId: Type.String({ minLength: 1 }),
    request: Message,
    variables: AnyObject,
    steps: Type.Array(PlannedStep, { minItems: 1, description: 'In topological order.' }),
    closer: Identifier,
    retentionSeconds: Type.Number({ exclusiveMinimum: 0 }),
    createdAt: at,
    deadlineAt: at,
    expiresAt: at,
  },
  { description: 'The immutable plan of one run. It names no caller.' },
);
export interface SessionRecord extends Static<typeof $SessionRecord> {}
export const SessionRecord: TUnsafe<SessionRecord> = def('SessionRecord', $SessionRecord);

const $CallerRecord = Type.Object(
  {
    ...session,
    responseTopic: Type.String({ minLength: 1, maxLength: 65_535, pattern: '^[^+#\\u0000]+$' }),
    correlationData: Type.String({ description: 'Base64 of the bytes.', pattern: '^[A-Za-z0-9+/]*={0,2}$' }),
    requestId: Type.Unsafe<string | number | null>({
      type: ['string', 'number', 'null'],
      description: 'JSON-RPC id to answer with.',
    }),
    streaming: Type.Boolean({
      description: 'True: wants every update. False: exactly one reply, at the end.',
    }),
    at,
  },
  { description: 'Somebody who wants the outcome.' },
);
export interface CallerRecord extends Static<typeof $CallerRecord> {}
export const CallerRecord: TUnsafe<CallerRecord> = def('CallerRecord', $CallerRecord);

const $AttemptRecord = Type.Object(
  {
    ...step,
    attempt,
    claimId: Type.String({ minLength: 1, maxLength: 100 }),
    supervisorId: Identifier,
    at,
  },
  { description: "A supervisor's claim to spawn attempt n. Of equal n, the first in topic order counts." },
);
export interface AttemptRecord extends Static<typeof $AttemptRecord> {}
export const AttemptRecord: TUnsafe<AttemptRecord> = def('AttemptRecord', $AttemptRecord);

export const StepStatusState = enumOf(['waiting', 'running', 'retrying', 'done', 'lost']);
export type StepStatusState = Static<typeof StepStatusState>;

const $StepStatus = Type.Object(
  {
    ...step,
    attempt,
    claimId: Type.String({ minLength: 1, maxLength: 100 }),
    state: StepStatusState,
    at: Type.Optional(Timestamp),
    error: Type.Optional(RecordError),
    retryAt: Type.Optional(Timestamp),
  },
  {
    description:
      'Where an instance stands. `lost` is the Will of its connection and has no time; `retrying` asks for the next attempt; `done` ' +
      'is its last word. A reader ignores an attempt lower than the claimed one.',
  },
);
export interface StepStatus extends Static<typeof $StepStatus> {}
export const StepStatus: TUnsafe<StepStatus> = def('StepStatus', $StepStatus);

const $StepIntent = Type.Object(
  { ...step, attempt, claimId: Type.String({ minLength: 1, maxLength: 100 }), at },
  {
    description: 'Written before a non-idempotent effect. With no result, nobody knows whether it happened.',
  },
);
export interface StepIntent extends Static<typeof $StepIntent> {}
export const StepIntent: TUnsafe<StepIntent> = def('StepIntent', $StepIntent);

export const StepResultState = enumOf(['completed', 'failed', 'skipped', 'canceled', 'unknown']);
export type StepResultState = Static<typeof StepResultState>;

const $StepResult = Type.Object(
  {
    ...step,
    attempt,
    claimId: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    state: StepResultState,
    output: Type.Optional(Json),
    artifacts: Type.Optional(Type.Array(Artifact)),
    summary: Type.Optional(Type.String({ maxLength: 4000 })),
    error: Type.Optional(RecordError),
    startedAt: Type.Optional(Timestamp),
    at,
    supervisorId: Type.Optional(Identifier),
  },
  {
    description:
      'The one end of a step. completed has output; every other state has error, which says why. supervisorId: written by a ' +
      'supervisor that stood in for the instance.',
    anyOf: [
      { properties: { state: { const: 'completed' } }, required: ['output'] },
      { properties: { state: { enum: ['failed', 'skipped', 'canceled', 'unknown'] } }, required: ['error'] },
    ],
  },
);
export interface StepResult extends Static<typeof $StepResult> {}
export const StepResult: TUnsafe<StepResult> = def('StepResult', $StepResult);

const $ControlRecord = Type.Object(
  {
    ...session,
    action: enumOf(['cancel']),
    reason: Type.Optional(Type.String({ maxLength: 4000 })),
    by: Type.Optional(Type.String({ maxLength: 400 })),
    at,
  },
  { description: 'What somebody wants of a running session. It reaches waiting and running steps alike.' },
);
export interface ControlRecord extends Static<typeof $ControlRecord> {}
export const ControlRecord: TUnsafe<ControlRecord> = def('ControlRecord', $ControlRecord);

const $StepSummary = Type.Object({
  id: Identifier,
  state: StepResultState,
  attempt,
  startedAt: Type.Optional(Timestamp),
  at,
  error: Type.Optional(RecordError),
});
export interface StepSummary extends Static<typeof $StepSummary> {}
export const StepSummary: TUnsafe<StepSummary> = def('StepSummary', $StepSummary);

const $SessionOutcome = Type.Object(
  {
    ...session,
    workflowId: Identifier,
    planHash: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    state: enumOf(['completed', 'failed', 'canceled', 'unknown']),
    task: Task,
    steps: Type.Array(StepSummary),
    at,
    supervisorId: Type.Optional(Identifier),
  },
  { description: 'How a session ended, with the final A2A task that every caller gets, word for word.' },
);
export interface SessionOutcome extends Static<typeof $SessionOutcome> {}
export const SessionOutcome: TUnsafe<SessionOutcome> = def('SessionOutcome', $SessionOutcome);

const $DesiredState = Type.Object(
  {
    schemaVersion,
    agentId: Identifier,
    blueprint: Identifier,
    config: Type.Optional(AnyObject),
    state: enumOf(['running', 'stopped']),
    at: Type.Optional(Timestamp),
  },
  { description: 'A long-lived agent that supervisors keep alive.' },
);
export interface DesiredState extends Static<typeof $DesiredState> {}
export const DesiredState: TUnsafe<DesiredState> = def('DesiredState', $DesiredState);

const $AgentAttempt = Type.Object(
  {
    schemaVersion,
    agentId: Identifier,
    attempt: Type.Integer({ minimum: 1 }),
    claimId: Type.String({ minLength: 1, maxLength: 100 }),
    supervisorId: Identifier,
    quickDeaths: Type.Integer({
      minimum: 0,
      description: 'Deaths in a row soon after a start: the exponent of the crash-loop pause.',
    }),
    at,
  },
  { description: "A supervisor's claim to spawn a long-lived agent; the twin of AttemptRecord." },
);
export interface AgentAttempt extends Static<typeof $AgentAttempt> {}
export const AgentAttempt: TUnsafe<AgentAttempt> = def('AgentAttempt', $AgentAttempt);

const $AgentState = Type.Object(
  {
    schemaVersion,
    agentId: Identifier,
    kind: Type.String({
      minLength: 1,
      maxLength: 100,
      description: 'What data holds, so that a successor knows whether it can read it.',
    }),
    data: Json,
    at,
  },
  { description: "An agent's last known context, for its successor." },
);
export interface AgentState extends Static<typeof $AgentState> {}
export const AgentState: TUnsafe<AgentState> = def('AgentState', $AgentState);

const $Telemetry = Type.Object(
  {
    schemaVersion,
    deviceId: Identifier,
    at,
    seq: Type.Integer({
      minimum: 0,
      description: 'Counts samples since the device started; a jump back is a restart.',
    }),
    channels: mapOf(Type.Unsafe<number | null>({ type: ['number', 'null'] }), {
      description: 'All channels of one sample. null: the sensor gave no value.',
    }),
    units: Type.Optional(mapOf(Type.String())),
  },
  { description: 'One sample of a device.' },
);
export interface Telemetry extends Static<typeof $Telemetry> {}
export const Telemetry: TUnsafe<Telemetry> = def('Telemetry', $Telemetry);
