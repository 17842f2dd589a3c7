import {
  APICallError,
  generateText,
  jsonSchema,
  Output,
  tool,
  type LanguageModel,
  type ModelMessage,
} from 'ai';
import { endSpan, startSpan, within } from '@shoal/mqtt-link/tracing';
import type { Tokens } from '../core/usage.ts';
import { ReasonerError } from '../errors.ts';
import type { JsonSchema, OfferedTool } from '../types.ts';

export interface ModelCall {
  readonly model: LanguageModel;
  readonly system: string;
  readonly messages: readonly ModelMessage[];
  readonly schema: JsonSchema;
  readonly tools: readonly OfferedTool[];
  readonly maxOutputTokens: number;
  readonly temperature?: number;
  readonly seed?: number;
  readonly signal: AbortSignal;
}

export interface ModelAnswer {
  readonly text: string;
  readonly toolCalls: readonly { readonly id: string; readonly name: string; readonly args: unknown }[];
  /** What the model said, to be repeated to it in the next call. */
  readonly messages: readonly ModelMessage[];
  /** Undefined: the endpoint does not say. */
  readonly tokens: Tokens | undefined;
}

/** A passing fault of an endpoint is tried again this often by the SDK, with its backoff. */
const RETRIES = 1;

/**
 * One call of the model. Tools are offered without code to run: their calls come back. Throws what the SDK throws. A CLIENT span by
 * OpenTelemetry's conventions for generative AI: model and tokens, never what was asked or answered.
 */
export async function askModel(call: ModelCall): Promise<ModelAnswer> {
  const name = modelName(call.model);
  const started = startSpan('@shoal/reasoner', `chat ${name}`, {
    kind: 'client',
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': name,
      'gen_ai.request.max_tokens': call.maxOutputTokens,
    },
  });
  let failure: string | undefined = 'model-unavailable';
  try {
    const answer = await within(started, () => generate(call));
    failure = undefined;
    const { tokens } = answer;
    if (tokens !== undefined)
      started?.span.setAttributes({
        'gen_ai.usage.input_tokens': tokens.input,
        'gen_ai.usage.output_tokens': tokens.output,
      });
    return answer;
  } finally {
    endSpan(started, failure);
  }
}

async function generate(call: ModelCall): Promise<ModelAnswer> {
  const { tools, temperature, seed } = call;
  const result = await generateText({
    model: call.model,
    system: call.system,
    messages: [...call.messages],
    output: rawText(call.schema),
    maxOutputTokens: call.maxOutputTokens,
    maxRetries: RETRIES,
    abortSignal: call.signal,
    ...(temperature === undefined ? {} : { temperature }),
    ...(seed === undefined ? {} : { seed }),
    ...(tools.length === 0
      ? {}
      : {
          tools: Object.fromEntries(
            tools.map(({ name, description, inputSchema }) => [
              name,
              tool({ description, inputSchema: jsonSchema(inputSchema) }),
            ]),
          ),
        }),
  });
  const { inputTokens, outputTokens } = result.usage;
  return {
    text: result.text,
    toolCalls: result.toolCalls.map(({ toolCallId, toolName, input }) => ({
      id: toolCallId,
      name: toolName,
      args: input,
    })),
    messages: result.response.messages,
    tokens:
      inputTokens === undefined || outputTokens === undefined
        ? undefined
        : { input: inputTokens, output: outputTokens },
  };
}

/** The provider is told the schema; what comes back is taken as text, so that it can be repaired. */
function rawText(schema: JsonSchema) {
  return { ...Output.object({ schema: jsonSchema(schema) }), parseCompleteOutput: async () => undefined };
}

/** What is said of a fault: status and message, never request, headers or URL. */
export function describeFault(error: unknown): string {
  const last = lastOf(error);
  if (APICallError.isInstance(last))
    return last.statusCode === undefined ? last.message : `HTTP ${last.statusCode}: ${last.message}`;
  return last instanceof Error ? last.message : String(last);
}

/** The SDK wraps the faults of its retries. */
function lastOf(error: unknown): unknown {
  const { lastError } = (typeof error === 'object' && error !== null ? error : {}) as { lastError?: unknown };
  return lastError ?? error;
}

/** True when the request cannot have been worked on: nothing was used. */
export function usedNothing(error: unknown): boolean {
  const last = lastOf(error);
  return APICallError.isInstance(last) && last.statusCode !== undefined && last.statusCode >= 400;
}

export function modelName(model: LanguageModel): string {
  return typeof model === 'string' ? model : `${model.provider}/${model.modelId}`;
}

export function assertLanguageModel(model: unknown): void {
  const usable =
    typeof model === 'string' ||
    (typeof model === 'object' && model !== null && 'doGenerate' in model && 'modelId' in model);
  if (!usable)
    throw new ReasonerError('invalid-config', 'model must be a language model of a provider of the ai SDK');
}
