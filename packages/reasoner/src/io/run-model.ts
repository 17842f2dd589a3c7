import type { ReasoningToolCall } from '@shoal/protocol';
import type { ModelMessage } from 'ai';
import { checkJson, findJson } from '../core/check-json.ts';
import { cleanText, MAX_DATA_CHARACTERS } from '../core/fence.ts';
import type { Prompt } from '../core/prompt.ts';
import { redactJson, type Redactor } from '../core/redact.ts';
import { costOf, tokensAtMost, type Amount, type Tokens } from '../core/usage.ts';
import { ReasonerError } from '../errors.ts';
import type { Price, ReasoningTask, ToolGate } from '../types.ts';
import { askModel, describeFault, usedNothing, type ModelAnswer, type ModelCall } from './ask-model.ts';
import type { BudgetGuard } from './budget-guard.ts';
import { callTool } from './call-tool.ts';

export interface ModelRun {
  readonly task: ReasoningTask<unknown>;
  readonly prompt: Prompt;
  readonly delimiter: string;
  readonly call: Pick<ModelCall, 'model' | 'maxOutputTokens' | 'temperature' | 'seed'>;
  readonly gate: ToolGate;
  readonly guard: BudgetGuard;
  readonly price: Price | undefined;
  readonly repairs: number;
  readonly maxCalls: number;
  readonly redact: Redactor;
  readonly signal: AbortSignal;
  /** Filled while it runs, so that a run that ends with an error has its figures too. */
  readonly tally: Tally;
}

export interface Tally {
  calls: number;
  inputTokens: number;
  outputTokens: number;
  costUsd: number;
  readonly toolCalls: ReasoningToolCall[];
}

const TOOL_CALLS_PER_ROUND = 4;

/**
 * Asks until the answer fits the schema. Each call of the model is reserved in the budgets first; tool rounds and repairs are bounded
 * by `maxCalls` and `repairs`. Throws ReasonerError.
 */
export async function runModel(run: ModelRun): Promise<unknown> {
  const messages: ModelMessage[] = [{ role: 'user', content: run.prompt.user }];
  let repairs = run.repairs;
  while (run.tally.calls < run.maxCalls) {
    const answer = await callOnce(run, messages);
    if (answer.toolCalls.length > 0) {
      messages.push(...answer.messages, await toolMessage(run, answer));
      continue;
    }
    const text = run.redact(answer.text);
    const found = findJson(text);
    const fits =
      found === undefined
        ? { ok: false as const, problems: 'the answer is not JSON' }
        : checkJson(run.task.schema, found.value);
    if (fits.ok) return found!.value;
    if (repairs-- === 0) throw new ReasonerError('invalid-output', run.redact(fits.problems));
    messages.push(
      { role: 'assistant', content: cleanText(text, MAX_DATA_CHARACTERS) || '(nothing)' },
      {
        role: 'user',
        content: `That does not fit the schema: ${cleanText(run.redact(fits.problems), 600)}. Answer with the corrected JSON value only.`,
      },
    );
  }
  throw new ReasonerError('too-many-calls', `no decision after ${run.maxCalls} calls of the model`);
}

async function callOnce(run: ModelRun, messages: readonly ModelMessage[]): Promise<ModelAnswer> {
  const { task, tally, price, call, signal } = run;
  signal.throwIfAborted();
  const input = tokensAtMost([run.prompt.system, JSON.stringify(messages), JSON.stringify(task.tools ?? [])]);
  const reserved = { input, output: call.maxOutputTokens };
  const reservation = await run.guard.reserve(amount(reserved, price), task.sessionId);
  const count = (tokens: Tokens, sign: 1 | -1): void => {
    tally.inputTokens += sign * tokens.input;
    tally.outputTokens += sign * tokens.output;
    tally.costUsd += sign * costOf(tokens, price);
  };
  tally.calls++;
  // As if all were used, until it is known: a run may end while the call is under way.
  count(reserved, 1);
  try {
    const answer = await askModel({
      ...call,
      system: run.prompt.system,
      messages,
      schema: task.schema,
      tools: task.tools ?? [],
      signal,
    });
    const used = answer.tokens ?? reserved;
    count(reserved, -1);
    count(used, 1);
    await reservation.settle(amount(used, price));
    return answer;
  } catch (error) {
    // Whatever else failed may have been worked on: then the reservation stays counted.
    if (usedNothing(error)) {
      count(reserved, -1);
      await reservation.settle({ calls: 1, tokens: 0, costUsd: 0 });
    }
    signal.throwIfAborted();
    throw new ReasonerError('model-unavailable', cleanText(run.redact(describeFault(error)), 400));
  }
}

async function toolMessage(run: ModelRun, answer: ModelAnswer): Promise<ModelMessage> {
  const { task, gate, delimiter, signal, redact, tally } = run;
  const content = [];
  for (const [index, { id, name, args }] of answer.toolCalls.entries()) {
    signal.throwIfAborted();
    // Whatever a model was given to echo, no key leaves in the arguments of a call.
    const { call, text } =
      index < TOOL_CALLS_PER_ROUND
        ? await callTool(task, name, redactJson(args, redact), gate, delimiter, signal)
        : {
            call: { tool: name, admitted: false, reason: 'too many calls at once' },
            text: `At most ${TOOL_CALLS_PER_ROUND} calls at once.`,
          };
    tally.toolCalls.push(call);
    content.push({
      type: 'tool-result' as const,
      toolCallId: id,
      toolName: name,
      output: { type: 'text' as const, value: redact(text) },
    });
  }
  return { role: 'tool', content };
}

function amount(tokens: Tokens, price: Price | undefined): Amount {
  return { calls: 1, tokens: tokens.input + tokens.output, costUsd: costOf(tokens, price) };
}
