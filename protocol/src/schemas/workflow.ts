import { Type, type TUnsafe } from 'typebox';
import { IDENTIFIER_PATTERN } from '../identifiers.ts';
import { def, type Static } from './def.ts';
import { AnyObject, enumOf, mapOf, type JsonValue } from './base.ts';

/*
 * The workflow definition: what a YAML file says. Every field is read by an executor; a field that nothing reads is a defect,
 * so unknown fields are refused here (`additionalProperties: false`), unlike on the wire.
 */

export const Identifier = Type.String({ pattern: IDENTIFIER_PATTERN, maxLength: 256 });
/** Any JSON value, null included. */
export const Json: TUnsafe<JsonValue> = Type.Unsafe<JsonValue>({});

const closed = { additionalProperties: false } as const;

const seconds = (description: string) =>
  Type.Number({ exclusiveMinimum: 0, maximum: 31_536_000, description: `${description} In seconds.` });

export const VariableType = enumOf(['string', 'number', 'integer', 'boolean', 'object', 'array']);
export type VariableType = Static<typeof VariableType>;

const $WorkflowVariable = Type.Object(
  {
    description: Type.Optional(Type.String({ maxLength: 1000 })),
    type: Type.Optional(VariableType),
    required: Type.Optional(
      Type.Boolean({
        description: 'A request without it is refused. Default: true when there is no default.',
      }),
    ),
    default: Type.Optional(Json),
  },
  { ...closed, description: 'An input of the workflow, given by the request.' },
);
export interface WorkflowVariable extends Static<typeof $WorkflowVariable> {}
export const WorkflowVariable: TUnsafe<WorkflowVariable> = def('WorkflowVariable', $WorkflowVariable);

export const FailurePolicy = enumOf(['fail', 'skip', 'continue', 'compensate'], {
  description:
    'What a step that did not complete does to those that need it. fail: they are skipped and the session fails. skip: they are ' +
    'skipped, the session goes on. continue: they run and see the failed result. compensate: as fail, and when every step has ended ' +
    'the compensations of those that completed run, the last first.',
});
export type FailurePolicy = Static<typeof FailurePolicy>;

const $StepEdge = Type.Object(
  {
    step: Identifier,
    onFailure: Type.Optional(FailurePolicy),
  },
  {
    ...closed,
    description: "A need with a failure policy of its own; it wins over the needed step's policy.",
  },
);
export interface StepEdge extends Static<typeof $StepEdge> {}
export const StepEdge: TUnsafe<StepEdge> = def('StepEdge', $StepEdge);

/** A count, or a share of all: `5`, `"10%"`. */
export type CountOrPercent = number | string;
const countOrPercent = (minimum: 0 | 1, description: string): TUnsafe<CountOrPercent> =>
  Type.Unsafe<CountOrPercent>({
    description,
    anyOf: [
      { type: 'integer', minimum, maximum: 1000 },
      { type: 'string', pattern: '^(100|[1-9]?[0-9])%$' },
    ],
  });

const $StepApproval = Type.Object(
  {
    prompt: Type.String({
      minLength: 1,
      maxLength: 4000,
      description: 'What people read; may hold expressions.',
    }),
    approvers: Type.Optional(
      Type.Array(Identifier, {
        minItems: 1,
        maxItems: 100,
        description: 'Whose word counts, as the `by` of the decision. Unset: whoever may write it.',
      }),
    ),
    expirySeconds: Type.Optional(
      seconds(
        'How long it stays open; then it counts as denied. Default: until the deadline of the session.',
      ),
    ),
  },
  {
    ...closed,
    description: 'Nothing runs until somebody approves. Denied and expired end the step as failed.',
  },
);
export interface StepApproval extends Static<typeof $StepApproval> {}
export const StepApproval: TUnsafe<StepApproval> = def('StepApproval', $StepApproval);

const $StepUse = Type.Object(
  {
    blueprint: Type.Optional(Identifier),
    agent: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 400,
        description: 'An agent id of the same org and unit; may hold an expression, `${ variables.device }`.',
      }),
    ),
    skill: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description: 'Any agent of the unit whose card has this skill and is not offline.',
      }),
    ),
    pool: Type.Optional(
      Type.Unsafe<string>({
        type: 'string',
        pattern: IDENTIFIER_PATTERN,
        maxLength: 256,
        description: 'A pool of agents: one of its members takes the request.',
      }),
    ),
    workflow: Type.Optional(
      Type.Unsafe<string>({
        type: 'string',
        pattern: IDENTIFIER_PATTERN,
        maxLength: 256,
        description: 'Another workflow of the unit, run as a child session.',
      }),
    ),
    approval: Type.Optional(StepApproval),
  },
  {
    ...closed,
    minProperties: 1,
    maxProperties: 1,
    description: 'Who does the work: exactly one of blueprint, agent, skill, pool, workflow, approval.',
  },
);
export interface StepUse extends Static<typeof $StepUse> {}
export const StepUse: TUnsafe<StepUse> = def('StepUse', $StepUse);

const $StepRetry = Type.Object(
  {
    maxAttempts: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 20,
        description: 'Tries of this step, crashes included. Default 3.',
      }),
    ),
    backoffSeconds: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 3600,
        description: 'Pause before the second attempt; doubles with each. Default 1.',
      }),
    ),
    maxBackoffSeconds: Type.Optional(
      Type.Number({ minimum: 0, maximum: 86_400, description: 'Longest pause. Default 30.' }),
    ),
    jitter: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description:
          'Share of the pause that varies, so that many steps that failed together do not come back together. Drawn from session, ' +
          'step and attempt: every supervisor draws the same. Default 0.2.',
      }),
    ),
  },
  closed,
);
export interface StepRetry extends Static<typeof $StepRetry> {}
export const StepRetry: TUnsafe<StepRetry> = def('StepRetry', $StepRetry);

export interface JoinRule {
  readonly atLeast?: number;
  readonly percent?: number;
  readonly withinSeconds?: number;
  readonly onTimeout?: 'fail' | 'run';
}
export type StepJoin = 'all' | 'any' | JoinRule;
export const StepJoin: TUnsafe<StepJoin> = def(
  'StepJoin',
  Type.Unsafe<StepJoin>({
    description: 'How many needs must be satisfied before the step runs, and how long it waits. Default all.',
    anyOf: [
      enumOf(['all', 'any']),
      Type.Object(
        {
          atLeast: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
          percent: Type.Optional(
            Type.Number({ exclusiveMinimum: 0, maximum: 100, description: 'Of the needs, rounded up.' }),
          ),
          withinSeconds: Type.Optional(
            seconds('Longest wait for the others, from the end of the first of the needs. Default: none.'),
          ),
          onTimeout: Type.Optional(
            enumOf(['fail', 'run'], {
              description:
                'When the wait is over. fail: the step fails with JOIN_TIMEOUT. run: it runs with those that are there. Default fail.',
            }),
          ),
        },
        { ...closed, minProperties: 1, not: { required: ['atLeast', 'percent'] } },
      ),
    ],
  }),
);

const $FleetSelection = Type.Object(
  {
    skill: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'Id of a skill of the card.' }),
    ),
    tag: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'A tag of any of its skills.' }),
    ),
    labels: Type.Optional(
      mapOf(Type.String({ maxLength: 200 }), {
        description: 'Each must stand in the params of an extension of the card, or in its `labels` there.',
        maxProperties: 20,
      }),
    ),
    site: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'Short for the label `site`.' }),
    ),
    presence: Type.Optional(
      enumOf(['online', 'offline', 'any'], {
        description: 'By the status of the card. online: not offline. Default online.',
      }),
    ),
  },
  {
    ...closed,
    minProperties: 1,
    description:
      'Agents of the unit by their retained cards; all given conditions must hold. Values may hold expressions.',
  },
);
export interface FleetSelection extends Static<typeof $FleetSelection> {}
export const FleetSelection: TUnsafe<FleetSelection> = def('FleetSelection', $FleetSelection);

const $StepForEach = Type.Object(
  {
    in: Type.Optional(
      Type.String({ minLength: 1, maxLength: 4000, description: 'A CEL expression that gives a list.' }),
    ),
    select: Type.Optional(FleetSelection),
    maxItems: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, description: 'More items fail the step. Default 100.' }),
    ),
    concurrency: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, description: 'Items at work at once. Default 10.' }),
    ),
    waves: Type.Optional(
      Type.Array(countOrPercent(1, 'Items of this wave; a percentage of all items, rounded up.'), {
        minItems: 1,
        maxItems: 20,
        description:
          'Sizes of the waves in turn; what is left is the last one. A wave begins when the one before has ended.',
      }),
    ),
    wavePauseSeconds: Type.Optional(seconds('Pause between two waves. Default none.')),
    failureBudget: Type.Optional(
      countOrPercent(
        0,
        'Items that may end otherwise than completed; a percentage is rounded down. One more, and no further item begins. Default 0.',
      ),
    ),
    collect: Type.Optional(
      enumOf(['outputs', 'states'], {
        description:
          "What the step's output holds of each item besides its state. states: no outputs. Default outputs.",
      }),
    ),
  },
  {
    ...closed,
    oneOf: [{ required: ['in'] }, { required: ['select'] }],
    description: 'The step is done once for each item: `item` and `index` in its expressions.',
  },
);
export interface StepForEach extends Static<typeof $StepForEach> {}
export const StepForEach: TUnsafe<StepForEach> = def('StepForEach', $StepForEach);

const timeoutSeconds = Type.Optional(
  seconds('Longest time at work in one attempt, once its needs are met. Default 300.'),
);

const $StepCompensation = Type.Object(
  {
    description: Type.Optional(Type.String({ maxLength: 1000 })),
    use: StepUse,
    with: Type.Optional(AnyObject),
    timeoutSeconds,
    retry: Type.Optional(StepRetry),
    idempotent: Type.Optional(Type.Boolean({ description: 'As of a step.' })),
  },
  {
    ...closed,
    description:
      'What undoes the step, after it completed and the session failed under the policy `compensate`.',
  },
);
export interface StepCompensation extends Static<typeof $StepCompensation> {}
export const StepCompensation: TUnsafe<StepCompensation> = def('StepCompensation', $StepCompensation);

const $Placement = Type.Object(
  {
    labels: Type.Optional(
      mapOf(Type.String({ maxLength: 200 }), {
        description:
          'What a host must have, each with this value: `{ site: north, gpu: a100 }`. Default: nothing.',
        maxProperties: 20,
      }),
    ),
    weight: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1000,
        description: 'Places of a host that it takes up while it runs. Default 1.',
      }),
    ),
  },
  { ...closed, description: 'Where something may run, and how much room it needs there.' },
);
export interface Placement extends Static<typeof $Placement> {}
export const Placement: TUnsafe<Placement> = def('Placement', $Placement);

const $StepDefinition = Type.Object(
  {
    id: Identifier,
    description: Type.Optional(Type.String({ maxLength: 1000 })),
    use: StepUse,
    with: Type.Optional(AnyObject),
    needs: Type.Optional(Type.Array(Type.Union([Identifier, StepEdge]), { maxItems: 1000 })),
    join: Type.Optional(StepJoin),
    when: Type.Optional(
      Type.String({ minLength: 1, maxLength: 4000, description: 'A CEL expression; false skips the step.' }),
    ),
    forEach: Type.Optional(StepForEach),
    timeoutSeconds,
    retry: Type.Optional(StepRetry),
    onFailure: Type.Optional(FailurePolicy),
    placement: Type.Optional(Placement),
    compensate: Type.Optional(StepCompensation),
    idempotent: Type.Optional(
      Type.Boolean({
        description:
          'False: the step changes the world and must not do so twice. It writes an intent first, and an attempt that finds the ' +
          'intent of another ends as `unknown`. Default: what the blueprint says, else true.',
      }),
    ),
  },
  closed,
);
export interface StepDefinition extends Static<typeof $StepDefinition> {}
export const StepDefinition: TUnsafe<StepDefinition> = def('StepDefinition', $StepDefinition);

const $ScheduleTrigger = Type.Object(
  {
    cron: Type.String({
      minLength: 1,
      maxLength: 200,
      description: 'Five fields, or six with seconds first.',
    }),
    timezone: Type.Optional(
      Type.String({ minLength: 1, maxLength: 100, description: 'IANA name: Europe/Berlin. Default UTC.' }),
    ),
    missed: Type.Optional(
      enumOf(['skip', 'latest', 'all'], {
        description:
          'Times that passed while no supervisor was there: none, the last one, or each. Default skip.',
      }),
    ),
    maxMissed: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1000,
        description: 'With missed: all, the last so many. Default 10.',
      }),
    ),
  },
  { ...closed, description: 'A run at each time. Every supervisor derives the same session id from it.' },
);
export interface ScheduleTrigger extends Static<typeof $ScheduleTrigger> {}
export const ScheduleTrigger: TUnsafe<ScheduleTrigger> = def('ScheduleTrigger', $ScheduleTrigger);

const $TelemetryTrigger = Type.Object(
  {
    topic: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1000,
        description:
          'MQTT topic filter; `{org}` and `{unit}` are filled in. Default shoal/v1/{org}/{unit}/device/+/telemetry.',
      }),
    ),
    when: Type.String({
      minLength: 1,
      maxLength: 4000,
      description: 'CEL over `message` (JSON, else text) and `topic`: true is an alarm.',
    }),
    key: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4000,
        description: 'CEL: what belongs to one alarm. A constant makes one of all. Default: the topic.',
      }),
    ),
    forSeconds: Type.Optional(
      seconds('Debounce: `when` must have held for so long, over the messages that came. Default: at once.'),
    ),
    clear: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4000,
        description:
          'Hysteresis: CEL, true ends the alarm, and only then can there be another. Default: `when` is false.',
      }),
    ),
    cooldownSeconds: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 31_536_000,
        description: 'Shortest time between two runs of one key. Default 60.',
      }),
    ),
    maxKeys: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100_000,
        description:
          'Keys that may have had an alarm; messages of further ones are passed over and logged. Default 1000.',
      }),
    ),
  },
  { ...closed, description: 'A run for each alarm, however many messages it is made of.' },
);
export interface TelemetryTrigger extends Static<typeof $TelemetryTrigger> {}
export const TelemetryTrigger: TUnsafe<TelemetryTrigger> = def('TelemetryTrigger', $TelemetryTrigger);

const $WorkflowTrigger = Type.Object(
  {
    id: Identifier,
    description: Type.Optional(Type.String({ maxLength: 1000 })),
    schedule: Type.Optional(ScheduleTrigger),
    telemetry: Type.Optional(TelemetryTrigger),
    variables: Type.Optional(AnyObject),
  },
  {
    ...closed,
    oneOf: [{ required: ['schedule'] }, { required: ['telemetry'] }],
    description:
      'Starts a run without a request. Strings of `variables` may hold expressions: `trigger.{id,at,key}`, and `message` and `topic` of telemetry.',
  },
);
export interface WorkflowTrigger extends Static<typeof $WorkflowTrigger> {}
export const WorkflowTrigger: TUnsafe<WorkflowTrigger> = def('WorkflowTrigger', $WorkflowTrigger);

const $WorkflowDefinition = Type.Object(
  {
    id: Identifier,
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    description: Type.String({ minLength: 1, maxLength: 4000 }),
    version: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'Default 1.0.0.' })),
    tags: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
        maxItems: 32,
        description: "Of the card's skill.",
      }),
    ),
    variables: Type.Optional(
      mapOf(WorkflowVariable, {
        propertyNames: { pattern: '^[A-Za-z_][A-Za-z0-9_]*$', maxLength: 100 },
        maxProperties: 200,
      }),
    ),
    deadlineSeconds: Type.Optional(
      seconds('From acceptance to a typed end, whatever happens. Default 3600.'),
    ),
    compensationSeconds: Type.Optional(
      seconds('How long compensations may take after the deadline, all together. Default 600.'),
    ),
    retentionSeconds: Type.Optional(
      seconds('How long the records outlive the deadline on the broker. Default 3600.'),
    ),
    triggers: Type.Optional(Type.Array(WorkflowTrigger, { maxItems: 50 })),
    steps: Type.Array(StepDefinition, { minItems: 1, maxItems: 1000 }),
  },
  { ...closed, description: 'A workflow: a graph of steps, addressed by callers like an agent.' },
);
export interface WorkflowDefinition extends Static<typeof $WorkflowDefinition> {}
export const WorkflowDefinition: TUnsafe<WorkflowDefinition> = def('WorkflowDefinition', $WorkflowDefinition);
