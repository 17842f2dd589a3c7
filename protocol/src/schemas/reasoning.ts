import { Type, type TUnsafe } from 'typebox';
import { enumOf, Timestamp } from './base.ts';
import { def, type Static } from './def.ts';
import { RecordError } from './records.ts';
import { Identifier, Json } from './workflow.ts';

/* What an agent decided with a reasoner, and what that used. Retained, with an expiry. */

const schemaVersion = Type.Unsafe<1>({ const: 1 });
const tokens = Type.Integer({ minimum: 0 });
const usd = Type.Number({
  minimum: 0,
  description: 'US dollars, by the prices that the agent was configured with.',
});

const $ReasoningToolCall = Type.Object({
  tool: Type.String({ maxLength: 200 }),
  admitted: Type.Boolean({ description: 'What the gate said. A call that was not admitted was not made.' }),
  reason: Type.Optional(Type.String({ maxLength: 400 })),
  error: Type.Optional(Type.String({ maxLength: 400 })),
});
export interface ReasoningToolCall extends Static<typeof $ReasoningToolCall> {}
export const ReasoningToolCall: TUnsafe<ReasoningToolCall> = def('ReasoningToolCall', $ReasoningToolCall);

const $ReasoningRecord = Type.Object(
  {
    schemaVersion,
    reasoningId: Identifier,
    agentId: Identifier,
    sessionId: Type.Optional(Identifier),
    stepId: Type.Optional(Identifier),
    attempt: Type.Optional(Type.Integer({ minimum: 1 })),
    purpose: Identifier,
    decidedBy: enumOf(['rules', 'model', 'nobody'], {
      description: 'nobody: it ended with `error` and without a decision.',
    }),
    model: Type.Optional(
      Type.String({ maxLength: 200, description: 'provider/model, when a model was asked.' }),
    ),
    promptHash: Type.String({
      pattern: '^[0-9a-f]{64}$',
      description:
        'SHA-256 of instructions, data, schema and tools as the model got them, the random delimiter of the data replaced by a fixed ' +
        'one: equal questions have equal hashes.',
    }),
    inputTokens: tokens,
    outputTokens: tokens,
    costUsd: usd,
    calls: Type.Integer({ minimum: 0, description: 'Calls of the model, repairs and tool rounds included.' }),
    toolCalls: Type.Optional(Type.Array(ReasoningToolCall, { maxItems: 50 })),
    decision: Type.Optional(Json),
    error: Type.Optional(RecordError),
    durationMs: Type.Number({ minimum: 0 }),
    at: Timestamp,
  },
  {
    description:
      'One decision of a reasoner. `error` beside decidedBy rules says why the model did not decide. Prompts are not kept.',
  },
);
export interface ReasoningRecord extends Static<typeof $ReasoningRecord> {}
export const ReasoningRecord: TUnsafe<ReasoningRecord> = def('ReasoningRecord', $ReasoningRecord);

const $UsageRecord = Type.Object(
  {
    schemaVersion,
    agentId: Identifier,
    scope: enumOf(['day', 'session'], {
      description: 'day: of the agent, and summed over agents, of the fleet. session: of one session.',
    }),
    scopeId: Type.String({ description: 'The UTC date (2026-03-01), or the session id.', maxLength: 200 }),
    calls: Type.Integer({ minimum: 0 }),
    tokens: Type.Integer({
      minimum: 0,
      description: 'In and out, reservations of calls under way included.',
    }),
    costUsd: usd,
    at: Timestamp,
  },
  {
    description:
      'What one agent has used of a budget. Each agent writes its own; a reader adds them up. A call is written as a reservation before ' +
      'it is made: a crash leaves it counted.',
  },
);
export interface UsageRecord extends Static<typeof $UsageRecord> {}
export const UsageRecord: TUnsafe<UsageRecord> = def('UsageRecord', $UsageRecord);
