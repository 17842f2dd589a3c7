import { randomUUID } from 'node:crypto';
import { checkJson } from '../core/check-json.ts';
import { buildPrompt } from '../core/prompt.ts';
import { reasoningRecord } from '../core/record.ts';
import type { Redactor } from '../core/redact.ts';
import { createRedactor } from '../core/redact.ts';
import { ReasonerError } from '../errors.ts';
import type { Decision, Reasoner, ReasoningTask } from '../types.ts';
import { assertTask, keepRecord, type ReasonerSettings } from './settings.ts';

/** Decides by the rules of each task. */
export function rulesReasoner(settings: ReasonerSettings): Reasoner {
  const redact = createRedactor([]);
  let closed = false;
  return {
    kind: 'rules',
    async decide<T>(task: ReasoningTask<T>, { signal }: { signal?: AbortSignal } = {}): Promise<Decision<T>> {
      assertTask(task);
      if (closed) throw new ReasonerError('closed', 'the reasoner was closed');
      if (signal?.aborted === true) throw new ReasonerError('aborted', 'the caller gave up');
      const startedMs = performance.now();
      const output = await ruleOutput(task);
      const record = rulesRecord(task, settings.agentId, output, startedMs, redact);
      await keepRecord(settings, record);
      return { output, by: 'rules', record };
    },
    close: async () => void (closed = true),
  };
}

/** Throws `invalid-rules-output`; what the rules throw themselves is passed on. */
export async function ruleOutput<T>(task: ReasoningTask<T>): Promise<T> {
  const output = await task.rules();
  const fits = checkJson(task.schema, output);
  if (!fits.ok) throw new ReasonerError('invalid-rules-output', `${task.purpose}: ${fits.problems}`);
  return output;
}

function rulesRecord(
  task: ReasoningTask<unknown>,
  agentId: string,
  decision: unknown,
  startedMs: number,
  redact: Redactor,
) {
  return reasoningRecord(
    task,
    {
      reasoningId: randomUUID(),
      agentId,
      promptHash: buildPrompt(task, '0').hash,
      decidedBy: 'rules',
      inputTokens: 0,
      outputTokens: 0,
      costUsd: 0,
      calls: 0,
      toolCalls: [],
      decision,
      durationMs: performance.now() - startedMs,
      at: new Date().toISOString(),
    },
    redact,
  );
}
