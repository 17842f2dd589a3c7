import { Type, type TUnsafe } from 'typebox';
import { def, type Static } from './def.ts';
import { Artifact, Message } from './message.ts';
import { AnyObject, enumOf, mapOf, Timestamp } from './base.ts';
import { Task } from './task.ts';
import {
  FailurePolicy,
  Identifier,
  Json,
  Placement,
  StepCompensation,
  StepForEach,
  StepJoin,
  StepRetry,
  StepUse,
} from './workflow.ts';

/*
 * What Shoal keeps on the broker, one retained message per record (DESIGN §3). One writer at a time: attempt, control and caller
 * are the supervisors'; everything else under a step, and the outcome, belongs to the holder of that step's client id.
 */

const schemaVersion = Type.Unsafe<1>({ const: 1 });
const attempt = Type.Integer({ minimum: 1, maximum: 1000, description: 'The n-th try of the step, from 1.' });
const at = Timestamp;
const session = { schemaVersion, sessionId: Identifier } as const;
const step = { ...session, stepId: Identifier } as const;

const $TraceContext = Type.Object(
  {
    traceparent: Type.String({ pattern: '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$' }),
    tracestate: Type.Optional(Type.String({ maxLength: 512 })),
  },
  { description: 'W3C Trace Context: what is done because of the record belongs to this trace.' },
);
export interface TraceContext extends Static<typeof $TraceContext> {}
export const TraceContext: TUnsafe<TraceContext> = def('TraceContext', $TraceContext);

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
  forEach: Type.Optional(StepForEach),
  timeoutSeconds: Type.Number({ exclusiveMinimum: 0 }),
  retry: StepRetry,
  onFailure: FailurePolicy,
  compensate: Type.Optional(StepCompensation),
  placement: Type.Optional(Placement),
  idempotent: Type.Optional(Type.Boolean({ description: 'Unset: as the blueprint says.' })),
});
/** A step of a plan: every default filled in. */
export interface PlannedStep extends Static<typeof $PlannedStep> {}
export const PlannedStep: TUnsafe<PlannedStep> = def('PlannedStep', $PlannedStep);

export const StepResultState = enumOf(['completed', 'failed', 'skipped', 'canceled', 'unknown']);
export type StepResultState = Static<typeof StepResultState>;

const $StepResult = Type.Object(
  {
    ...step,
    attempt,
    claimId: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    state: StepResultState,
    output: Type.Optional(Json),
    outputRef: Type.Optional(
      Type.Object(
        {
          uri: Type.String({ minLength: 1, maxLength: 2000 }),
          sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
          bytes: Type.Integer({ minimum: 0 }),
          mediaType: Type.String({ maxLength: 200 }),
        },
        { description: 'Where an output lies that is too large for the record; output is null then.' },
      ),
    ),
    artifacts: Type.Optional(Type.Array(Artifact)),
    summary: Type.Optional(Type.String({ maxLength: 4000 })),
    error: Type.Optional(RecordError),
    startedAt: Type.Optional(Timestamp),
    at,
    supervisorId: Type.Optional(Identifier),
    flags: Type.Optional(
      Type.Array(Type.String({ maxLength: 100 }), {
        description: 'What whoever reads the result should know: BROKER_NOT_DURABLE.',
      }),
    ),
    reusedFrom: Type.Optional(
      Type.String({ description: 'The session that a re-run took this result over from.' }),
    ),
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

const $SessionRecord = Type.Object(
  {
    ...session,
    planHash: Type.String({
      pattern: '^[0-9a-f]{64}$',
      description:
        'SHA-256 over the canonical JSON (RFC 8785) of this record without planHash, createdAt, deadlineAt, expiresAt and trace: two ' +
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
    parent: Type.Optional(
      Type.Object(
        {
          sessionId: Identifier,
          stepId: Identifier,
          depth: Type.Integer({ minimum: 1, description: 'Sessions above this one.' }),
        },
        {
          description: 'The step that runs this session as its work; it is canceled when that one has ended.',
        },
      ),
    ),
    rerun: Type.Optional(
      Type.Object(
        {
          of: Identifier,
          from: Identifier,
          results: Type.Array(StepResult),
          items: Type.Optional(
            Type.Array(Json, {
              maxItems: 1000,
              description: 'Of the fan-out `from`, when only some of its items run again: what it works on.',
            }),
          ),
        },
        { description: 'Runs a session again from a step on; these results count as those of their steps.' },
      ),
    ),
    compensationSeconds: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, description: 'Set when a step has a compensation.' }),
    ),
    retentionSeconds: Type.Number({ exclusiveMinimum: 0 }),
    trace: Type.Optional(TraceContext),
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
    trace: Type.Optional(TraceContext),
    writerId: Type.Optional(
      Type.Unsafe<string>({
        ...Identifier,
        description:
          'The shared connection over which this attempt, or one before it, may write until an attempt has a status. Who acts for a later ' +
          'attempt evicts it first.',
      }),
    ),
    at,
  },
  { description: "A supervisor's claim to spawn attempt n. Of equal n, the first in topic order counts." },
);
export interface AttemptRecord extends Static<typeof $AttemptRecord> {}
export const AttemptRecord: TUnsafe<AttemptRecord> = def('AttemptRecord', $AttemptRecord);

const $SessionClaim = Type.Object(
  {
    schemaVersion,
    sessionId: Identifier,
    claimId: Type.String({ minLength: 1, maxLength: 60 }),
    supervisorId: Identifier,
    writerId: Type.Unsafe<string>({
      ...Identifier,
      description:
        'The shared connection over which they write. When it is lost, so are those that have no status.',
    }),
    steps: Type.Array(Identifier, { minItems: 1, maxItems: 1000 }),
    trace: Type.Optional(TraceContext),
    at,
  },
  {
    description:
      "A supervisor's claim to the first attempts of these steps. Each begins when it may run, under the claim id `{claimId}.{n}`, n its place in `steps` from 0; " +
      'until then it has no attempt that could be lost. The first claim in topic order counts, and of each step the first of this claim and an ' +
      'AttemptRecord.',
  },
);
export interface SessionClaim extends Static<typeof $SessionClaim> {}
export const SessionClaim: TUnsafe<SessionClaim> = def('SessionClaim', $SessionClaim);

const $WriterRecord = Type.Object(
  { schemaVersion, writerId: Identifier, supervisorId: Identifier, state: enumOf(['lost']) },
  {
    description:
      'The Will of a connection that quick instances of one process share for what they write. It is never opened again under this id, so ' +
      'that what it had not finished is to be respawned at once.',
  },
);
export interface WriterRecord extends Static<typeof $WriterRecord> {}
export const WriterRecord: TUnsafe<WriterRecord> = def('WriterRecord', $WriterRecord);

export const StepStatusState = enumOf(['waiting', 'running', 'retrying', 'parked', 'done', 'lost']);
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
      'Where an instance stands. `lost` is the Will of its connection and has no time; `retrying` asks for the next attempt; ' +
      '`parked` has left until there is something to do; `done` is its last word. A reader ignores an attempt lower than the claimed one.',
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

const $StepItems = Type.Object(
  {
    ...step,
    attempt,
    claimId: Type.String({ minLength: 1, maxLength: 100 }),
    items: Type.Array(Json, { maxItems: 1000 }),
    at,
  },
  {
    description:
      'What a fan-out works on, pinned before its first item begins: whoever takes over sees the same. Item n has records of its own ' +
      'under the step id `{stepId}.{n}`, counted from 0.',
  },
);
export interface StepItems extends Static<typeof $StepItems> {}
export const StepItems: TUnsafe<StepItems> = def('StepItems', $StepItems);

const $ApprovalRequest = Type.Object(
  {
    ...step,
    attempt,
    claimId: Type.String({ minLength: 1, maxLength: 100 }),
    prompt: Type.String({ minLength: 1 }),
    approvers: Type.Optional(Type.Array(Type.String())),
    at,
    expiresAt: at,
  },
  { description: 'A step waits for the word of a person, until expiresAt.' },
);
export interface ApprovalRequest extends Static<typeof $ApprovalRequest> {}
export const ApprovalRequest: TUnsafe<ApprovalRequest> = def('ApprovalRequest', $ApprovalRequest);

const $ApprovalDecision = Type.Object(
  {
    ...step,
    action: enumOf(['approve', 'deny']),
    by: Type.String({ minLength: 1, maxLength: 400, description: 'Who decided.' }),
    reason: Type.Optional(Type.String({ maxLength: 4000 })),
    messageId: Type.Optional(Type.String({ description: 'Of the A2A message that brought it.' })),
    at,
  },
  { description: 'The word of a person on an approval; the last one before the step ends counts.' },
);
export interface ApprovalDecision extends Static<typeof $ApprovalDecision> {}
export const ApprovalDecision: TUnsafe<ApprovalDecision> = def('ApprovalDecision', $ApprovalDecision);

const $ToolApproval = Type.Object(
  {
    schemaVersion,
    approvalId: Identifier,
    deviceId: Identifier,
    tool: Type.String({ minLength: 1, maxLength: 200 }),
    args: Type.Unsafe<Record<string, unknown>>({
      type: 'object',
      description: 'The arguments, word for word; only a call with exactly these is approved.',
    }),
    action: enumOf(['approve', 'deny']),
    by: Type.String({ minLength: 1, maxLength: 400, description: 'Who decided.' }),
    reason: Type.Optional(Type.String({ maxLength: 4000 })),
    at,
    expiresAt: Type.Unsafe<string>({ ...Timestamp, description: 'At most an hour after `at`.' }),
    signatures: Type.Optional(
      Type.Array(
        Type.Object({
          protected: Type.String({ minLength: 1, maxLength: 2000 }),
          signature: Type.String({ minLength: 1, maxLength: 2000 }),
        }),
        {
          maxItems: 8,
          description:
            'JWS (RFC 7515 flattened, payload detached, `typ` shoal-tool-approval) over the topic and the approval without them, as ' +
            'canonical JSON. A device that knows the keys of its approvers takes nothing without one of `by`.',
        },
      ),
    ),
  },
  {
    description:
      'The word of a person on one call of a tool of a device whose risk is above what its caller was granted. Retained; an empty ' +
      'message takes it back.',
  },
);
export interface ToolApproval extends Static<typeof $ToolApproval> {}
export const ToolApproval: TUnsafe<ToolApproval> = def('ToolApproval', $ToolApproval);

const $DeviceCommand = Type.Object(
  {
    schemaVersion,
    commandId: Identifier,
    deviceId: Identifier,
    tool: Type.String({ minLength: 1, maxLength: 200, description: 'Of the tools that the device offers.' }),
    args: Type.Unsafe<Record<string, unknown>>({ type: 'object' }),
    approvalId: Type.Optional(Identifier),
    by: Type.String({ minLength: 1, maxLength: 400, description: 'Who wants it.' }),
    at,
    deadlineAt: Type.Unsafe<string>({
      ...Timestamp,
      description: 'The device does not begin it after that.',
    }),
    retentionSeconds: Type.Integer({
      minimum: 60,
      maximum: 31_536_000,
      description:
        'The records stay so long after the deadline. The Message Expiry that is left when a device receives the command, less this, is ' +
        'the time until the deadline: a device without a right clock needs none.',
    }),
    trace: Type.Optional(TraceContext),
  },
  {
    description:
      'A call of a tool that waits for its device, however long that is away. Retained and immutable; without a word of the device it is ' +
      'queued.',
  },
);
export interface DeviceCommand extends Static<typeof $DeviceCommand> {}
export const DeviceCommand: TUnsafe<DeviceCommand> = def('DeviceCommand', $DeviceCommand);

const $DeviceCommandCancel = Type.Object(
  {
    schemaVersion,
    commandId: Identifier,
    deviceId: Identifier,
    state: enumOf(['requested', 'effective'], {
      description:
        'requested: it was written. effective: after that, the device had not accepted the command, and so never will.',
    }),
    by: Type.String({ minLength: 1, maxLength: 400 }),
    reason: Type.Optional(Type.String({ maxLength: 4000 })),
    at,
  },
  {
    description: 'A command is no longer wanted. A device reads it after it accepted and before it begins.',
  },
);
export interface DeviceCommandCancel extends Static<typeof $DeviceCommandCancel> {}
export const DeviceCommandCancel: TUnsafe<DeviceCommandCancel> = def(
  'DeviceCommandCancel',
  $DeviceCommandCancel,
);

/** `queued` is a command without any status. */
export const DeviceCommandProgress = enumOf([
  'delivered',
  'accepted',
  'running',
  'done',
  'failed',
  'unknown',
  'expired',
  'canceled',
]);
export type DeviceCommandProgress = Static<typeof DeviceCommandProgress>;

const $DeviceCommandStatus = Type.Object(
  {
    schemaVersion,
    commandId: Identifier,
    deviceId: Identifier,
    state: DeviceCommandProgress,
    trail: Type.Array(Type.Object({ state: DeviceCommandProgress, at }), {
      minItems: 1,
      maxItems: 16,
      description: 'Every state so far, by the clock of the device; the last one is `state`.',
    }),
    result: Type.Optional(Json),
    error: Type.Optional(RecordError),
  },
  {
    description:
      'The word of the device on a command, written before it goes on: `delivered` it was received, `accepted` it is taken up, `running` ' +
      'it is begun; `done` has result; `failed`, `unknown` (begun, and nobody knows how it ended), `expired` and `canceled` (never begun) ' +
      'have error.',
  },
);
export interface DeviceCommandStatus extends Static<typeof $DeviceCommandStatus> {}
export const DeviceCommandStatus: TUnsafe<DeviceCommandStatus> = def(
  'DeviceCommandStatus',
  $DeviceCommandStatus,
);

const $ControlRecord = Type.Object(
  {
    ...session,
    action: enumOf(['cancel', 'pause', 'resume', 'purge', 'extend']),
    reason: Type.Optional(Type.String({ maxLength: 4000 })),
    by: Type.Optional(Type.String({ maxLength: 400 })),
    deadlineAt: Type.Optional(
      Type.Unsafe<string>({ ...Timestamp, description: 'Of extend: when the session must have ended.' }),
    ),
    steps: Type.Optional(
      mapOf(Timestamp, {
        description:
          'Of extend: how long a step may work in an attempt, or an approval may be given. By step id.',
      }),
    ),
    at,
  },
  {
    anyOf: [
      { properties: { action: { enum: ['cancel', 'pause', 'resume', 'purge'] } } },
      { properties: { action: { const: 'extend' } }, required: ['deadlineAt'] },
      { properties: { action: { const: 'extend' } }, required: ['steps'] },
    ],
    description:
      'What somebody wants of a session. Each kind has a topic of its own, so that none hides another: `control` cancel, ' +
      '`control/pause` pause and resume, `control/purge` purge, `control/extend` extend. An extension never shortens: the later time counts.',
  },
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
    compensation: Type.Optional(
      Type.Object(
        { state: enumOf(['completed', 'failed']), steps: Type.Array(StepSummary) },
        {
          description: 'What was undone, in that order. failed: at least one compensation did not complete.',
        },
      ),
    ),
    at,
    supervisorId: Type.Optional(Identifier),
  },
  { description: 'How a session ended, with the final A2A task that every caller gets, word for word.' },
);
export interface SessionOutcome extends Static<typeof $SessionOutcome> {}
export const SessionOutcome: TUnsafe<SessionOutcome> = def('SessionOutcome', $SessionOutcome);

const $TriggerRecord = Type.Object(
  {
    schemaVersion,
    workflowId: Identifier,
    triggerId: Identifier,
    key: Type.String({ maxLength: 1000, description: 'What belongs together; empty for a schedule.' }),
    episode: Type.Integer({
      minimum: 0,
      description: 'Counts the alarms of this key. Of a schedule always 0.',
    }),
    state: enumOf(['fired', 'armed'], {
      description:
        'fired: the alarm is on, and its run exists or is to be made. armed: the next one may come.',
    }),
    claimId: Type.String({ minLength: 1, maxLength: 100 }),
    supervisorId: Identifier,
    firedAt: Type.Optional(Timestamp),
    variables: Type.Optional(AnyObject),
    trace: Type.Optional(TraceContext),
    at: Timestamp,
  },
  {
    description:
      'Where a trigger stands, so that no supervisor starts a run twice or forgets one. Of a schedule, `at` is the last time that was ' +
      'dealt with. Of telemetry, firedAt and variables are what the run is made of; of equal episodes the first in topic order counts.',
  },
);
export interface TriggerRecord extends Static<typeof $TriggerRecord> {}
export const TriggerRecord: TUnsafe<TriggerRecord> = def('TriggerRecord', $TriggerRecord);

const $BrokerCanary = Type.Object(
  {
    schemaVersion,
    state: enumOf(['durable', 'lossy', 'unproven'], {
      description: 'Do retained messages of this broker survive its restart? unproven: nobody has seen one.',
    }),
    bootId: Type.Optional(
      Type.String({ maxLength: 200, description: 'Of the start of the broker that wrote it saw.' }),
    ),
    refuse: Type.Boolean({
      description: 'A step that is not idempotent fails on a lossy broker; otherwise its result is flagged.',
    }),
    supervisorId: Identifier,
    at: Timestamp,
  },
  { description: 'A retained message whose survival tells whether others survive.' },
);
export interface BrokerCanary extends Static<typeof $BrokerCanary> {}
export const BrokerCanary: TUnsafe<BrokerCanary> = def('BrokerCanary', $BrokerCanary);

const $DesiredState = Type.Object(
  {
    schemaVersion,
    agentId: Identifier,
    blueprint: Identifier,
    config: Type.Optional(AnyObject),
    placement: Type.Optional(Placement),
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
