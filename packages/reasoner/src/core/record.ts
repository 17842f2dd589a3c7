import type { ReasoningRecord, ReasoningToolCall } from '@shoal/protocol';
import type { ReasonerErrorCode } from '../errors.ts';
import type { ReasoningTask } from '../types.ts';
import { redactJson, type Redactor } from './redact.ts';

/** A decision above this is left out of its record. */
export const MAX_DECISION_CHARACTERS = 16_384;
export const MAX_TOOL_CALLS_KEPT = 50;

export interface Facts {
  readonly reasoningId: string;
  readonly agentId: string;
  readonly model?: string;
  readonly promptHash: string;
  readonly decidedBy: ReasoningRecord['decidedBy'];
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costUsd: number;
  readonly calls: number;
  readonly toolCalls: readonly ReasoningToolCall[];
  readonly decision?: unknown;
  readonly error?: { readonly code: ReasonerErrorCode; readonly message: string };
  readonly durationMs: number;
  readonly at: string;
}

/** Every text that came from outside passes the redactor. */
export function reasoningRecord(
  task: ReasoningTask<unknown>,
  facts: Facts,
  redact: Redactor,
): ReasoningRecord {
  const { sessionId, stepId, attempt, purpose } = task;
  const decision = facts.decision === undefined ? undefined : redactJson(facts.decision, redact);
  const fits = (JSON.stringify(decision)?.length ?? 0) <= MAX_DECISION_CHARACTERS;
  return {
    schemaVersion: 1,
    reasoningId: facts.reasoningId,
    agentId: facts.agentId,
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(stepId === undefined ? {} : { stepId }),
    ...(attempt === undefined ? {} : { attempt }),
    purpose,
    decidedBy: facts.decidedBy,
    ...(facts.model === undefined ? {} : { model: redact(facts.model).slice(0, 200) }),
    promptHash: facts.promptHash,
    inputTokens: facts.inputTokens,
    outputTokens: facts.outputTokens,
    costUsd: facts.costUsd,
    calls: facts.calls,
    ...(facts.toolCalls.length === 0
      ? {}
      : {
          toolCalls: facts.toolCalls.slice(0, MAX_TOOL_CALLS_KEPT).map((call) => ({
            tool: redact(call.tool).slice(0, 200),
            admitted: call.admitted,
            ...(call.reason === undefined ? {} : { reason: redact(call.reason).slice(0, 400) }),
            ...(call.error === undefined ? {} : { error: redact(call.error).slice(0, 400) }),
          })),
        }),
    ...(decision === undefined || !fits
      ? {}
      : { decision: decision as NonNullable<ReasoningRecord['decision']> }),
    ...(facts.error === undefined
      ? {}
      : { error: { code: facts.error.code, message: redact(facts.error.message).slice(0, 4000) } }),
    durationMs: Math.max(0, Math.round(facts.durationMs)),
    at: facts.at,
  };
}
