import type { ReasoningRecord } from '@shoal/protocol';
import type { LogLine } from './fleet-view.ts';
import type { ReportedDecision } from './report.ts';

/** Decisions that the report keeps: the newest. */
const MOST_DECISIONS = 1_000;

/** What models were asked, from the records that the agents retain. */
export class ReasoningView {
  readonly #since: string;
  readonly #decisions = new Map<string, ReportedDecision>();

  /** Decisions before `since` (ISO 8601) are those of an earlier run. */
  constructor(since: string) {
    this.#since = since;
  }

  get decisions(): readonly ReportedDecision[] {
    return [...this.#decisions.values()];
  }

  observe(record: ReasoningRecord): readonly LogLine[] {
    const key = `${record.agentId}/${record.reasoningId}`;
    if (this.#decisions.has(key) || record.at < this.#since) return [];
    const decision = reportDecision(record);
    this.#decisions.set(key, decision);
    const [oldest] = this.#decisions.keys();
    if (this.#decisions.size > MOST_DECISIONS && oldest !== undefined) this.#decisions.delete(oldest);
    return [{ topic: 'model', subject: record.stepId ?? record.agentId, text: describe(decision) }];
  }
}

function reportDecision(record: ReasoningRecord): ReportedDecision {
  const { agentId, sessionId, stepId, purpose, decidedBy, model, inputTokens, outputTokens } = record;
  return {
    agentId,
    sessionId: sessionId ?? null,
    stepId: stepId ?? null,
    purpose,
    by: decidedBy,
    model: model ?? null,
    decision: record.decision ?? null,
    tokens: inputTokens + outputTokens,
    seconds: Math.round(record.durationMs / 100) / 10,
    error: record.error === undefined ? null : { code: record.error.code, message: record.error.message },
  };
}

function describe({ purpose, by, model, decision, tokens, seconds, error }: ReportedDecision): string {
  const cost = `${tokens} tokens, ${seconds} s`;
  if (by !== 'model')
    return `${purpose}: ${by} decided, not ${model ?? 'a model'} (${error?.code ?? ''}; ${cost})`;
  return `${purpose} by ${model ?? 'a model'} (${cost}): ${JSON.stringify(decision)}`;
}
