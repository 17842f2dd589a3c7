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

export const FailurePolicy = enumOf(['fail', 'skip', 'continue'], {
  description:
    'What a step that did not complete does to those that need it. fail: they are skipped and the session fails. skip: they are ' +
    'skipped, the session goes on. continue: they run and see the failed result.',
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
  },
  {
    ...closed,
    minProperties: 1,
    maxProperties: 1,
    description: 'Who does the work: exactly one of blueprint, agent, skill.',
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
  },
  closed,
);
export interface StepRetry extends Static<typeof $StepRetry> {}
export const StepRetry: TUnsafe<StepRetry> = def('StepRetry', $StepRetry);

export type StepJoin = 'all' | 'any' | { atLeast: number };
export const StepJoin: TUnsafe<StepJoin> = def(
  'StepJoin',
  Type.Unsafe<StepJoin>({
    description: 'How many needs must be satisfied before the step runs. Default all.',
    anyOf: [
      enumOf(['all', 'any']),
      Type.Object({ atLeast: Type.Integer({ minimum: 1, maximum: 1000 }) }, closed),
    ],
  }),
);

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
    timeoutSeconds: Type.Optional(
      seconds('Longest time at work in one attempt, once its needs are met. Default 300.'),
    ),
    retry: Type.Optional(StepRetry),
    onFailure: Type.Optional(FailurePolicy),
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
    retentionSeconds: Type.Optional(
      seconds('How long the records outlive the deadline on the broker. Default 3600.'),
    ),
    steps: Type.Array(StepDefinition, { minItems: 1, maxItems: 1000 }),
  },
  { ...closed, description: 'A workflow: a graph of steps, addressed by callers like an agent.' },
);
export interface WorkflowDefinition extends Static<typeof $WorkflowDefinition> {}
export const WorkflowDefinition: TUnsafe<WorkflowDefinition> = def('WorkflowDefinition', $WorkflowDefinition);
