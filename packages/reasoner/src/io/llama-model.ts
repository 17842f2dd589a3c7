import type {
  LanguageModelV3,
  LanguageModelV3CallOptions,
  LanguageModelV3GenerateResult,
  LanguageModelV3Prompt,
  LanguageModelV3StreamPart,
} from '@ai-sdk/provider';
import { basename } from 'node:path';
import { ReasonerError } from '../errors.ts';
import type { AnyLanguageModel } from '../types.ts';

/** What is used of `node-llama-cpp` 3, an optional peer: its types are not needed to compile against this package. */
export interface LlamaRuntime {
  getLlama(options: object): Promise<LlamaEngine>;
  readonly LlamaChatSession: new (options: object) => LlamaSession;
}

interface LlamaEngine {
  loadModel(options: object): Promise<{ createContext(options: object): Promise<LlamaContext> }>;
  createGrammarForJsonSchema(schema: object): Promise<object>;
  dispose(): Promise<void>;
}

interface LlamaContext {
  getSequence(): LlamaSequence;
}

interface LlamaSequence {
  readonly tokenMeter: {
    getState(): { readonly usedInputTokens: number; readonly usedOutputTokens: number };
  };
  dispose(): void;
}

interface LlamaSession {
  setChatHistory(history: readonly object[]): void;
  promptWithMeta(
    prompt: string,
    options: object,
  ): Promise<{ readonly responseText: string; readonly stopReason: string }>;
  dispose(): void;
}

export interface LlamaModelOptions {
  /** A GGUF file. */
  readonly modelPath: string;
  /** Default 4096. */
  readonly contextTokens?: number;
  /** Default 1: threads wait for each other actively, and more than there are free cores makes it many times slower. */
  readonly threads?: number;
  /** Default: `node-llama-cpp` as Node finds it. */
  readonly runtime?: LlamaRuntime;
}

export interface LlamaModel {
  readonly model: AnyLanguageModel;
  close(): Promise<void>;
}

/** No literal type, so that compilers and bundlers do not ask for a peer that is optional. */
const PEER: string = 'node-llama-cpp';
/** Calls that may wait for the one that runs; one more fails. */
const MAX_WAITING = 16;

/**
 * A language model of the ai SDK that runs in this process, on the CPU. One call at a time; a JSON Schema as response format becomes a
 * grammar, so that what comes back is JSON of that form. No tools. Throws ReasonerError `invalid-config`.
 */
export async function openLlamaModel(options: LlamaModelOptions): Promise<LlamaModel> {
  const { modelPath, contextTokens = 4096, threads = 1 } = options;
  const runtime = options.runtime ?? (await importRuntime());
  // `build: 'never'`: only the binaries that came with the package; nothing is downloaded or compiled.
  const engine = await runtime
    .getLlama({ gpu: false, build: 'never', skipDownload: true, progressLogs: false, logLevel: 'error' })
    .catch((error: unknown) => {
      throw unusable(`${PEER} has no binary for this machine`, error);
    });
  try {
    const loaded = await engine.loadModel({ modelPath });
    const context = await loaded.createContext({ contextSize: contextTokens, threads, sequences: 1 });
    return { model: languageModel(runtime, engine, context, modelPath), close: () => engine.dispose() };
  } catch (error) {
    await engine.dispose();
    throw unusable(`modelPath ${modelPath} cannot be loaded`, error);
  }
}

async function importRuntime(): Promise<LlamaRuntime> {
  try {
    return (await import(PEER)) as LlamaRuntime;
  } catch (error) {
    throw unusable(`kind "llama" needs the package ${PEER}: npm install ${PEER}`, error);
  }
}

function unusable(what: string, error: unknown): ReasonerError {
  return new ReasonerError(
    'invalid-config',
    `reasoner: ${what} (${error instanceof Error ? error.message : String(error)})`,
  );
}

function languageModel(
  runtime: LlamaRuntime,
  engine: LlamaEngine,
  context: LlamaContext,
  modelPath: string,
): LanguageModelV3 {
  let turn: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  const doGenerate = async (call: LanguageModelV3CallOptions): Promise<LanguageModelV3GenerateResult> => {
    if (waiting >= MAX_WAITING) throw new Error(`the model is busy: ${MAX_WAITING} calls are waiting`);
    waiting++;
    const mine = turn.then(() => {
      call.abortSignal?.throwIfAborted();
      return generate(runtime, engine, context, call);
    });
    turn = mine.catch(() => {});
    try {
      return await mine;
    } finally {
      waiting--;
    }
  };
  return {
    specificationVersion: 'v3',
    provider: 'llama',
    modelId: basename(modelPath),
    supportedUrls: {},
    doGenerate,
    doStream: async (call) => ({ stream: asStream(await doGenerate(call)) }),
  };
}

async function generate(
  runtime: LlamaRuntime,
  engine: LlamaEngine,
  context: LlamaContext,
  call: LanguageModelV3CallOptions,
): Promise<LanguageModelV3GenerateResult> {
  const { responseFormat, tools = [] } = call;
  const schema = responseFormat?.type === 'json' ? responseFormat.schema : undefined;
  const grammar = schema === undefined ? undefined : await engine.createGrammarForJsonSchema(schema);
  const { history, last } = historyOf(call.prompt);
  const sequence = context.getSequence();
  const session = new runtime.LlamaChatSession({ contextSequence: sequence });
  try {
    session.setChatHistory(history);
    const { responseText, stopReason } = await session.promptWithMeta(last, {
      ...(grammar === undefined ? {} : { grammar }),
      ...(call.maxOutputTokens === undefined ? {} : { maxTokens: call.maxOutputTokens }),
      ...(call.temperature === undefined ? {} : { temperature: call.temperature }),
      ...(call.seed === undefined ? {} : { seed: call.seed }),
      ...(call.abortSignal === undefined ? {} : { signal: call.abortSignal }),
    });
    const { usedInputTokens, usedOutputTokens } = sequence.tokenMeter.getState();
    return {
      content: [{ type: 'text', text: responseText }],
      finishReason: { unified: stopReason === 'maxTokens' ? 'length' : 'stop', raw: stopReason },
      usage: {
        inputTokens: {
          total: usedInputTokens,
          noCache: undefined,
          cacheRead: undefined,
          cacheWrite: undefined,
        },
        outputTokens: { total: usedOutputTokens, text: usedOutputTokens, reasoning: undefined },
      },
      warnings:
        tools.length === 0
          ? []
          : [{ type: 'unsupported', feature: 'tools', details: 'the model in this process calls no tools' }],
    };
  } finally {
    session.dispose();
    sequence.dispose();
  }
}

/** The conversation without its last message of the user, which is what is asked. */
function historyOf(prompt: LanguageModelV3Prompt): { readonly history: object[]; readonly last: string } {
  const history: { readonly type: string; readonly text?: string; readonly response?: string[] }[] = [];
  for (const message of prompt) {
    if (message.role === 'system') history.push({ type: 'system', text: message.content });
    else if (message.role === 'user') history.push({ type: 'user', text: textOf(message.content) });
    else if (message.role === 'assistant')
      history.push({ type: 'model', response: [textOf(message.content)] });
  }
  const last = history.pop();
  if (last?.type !== 'user') throw new Error('the last message must be of the user');
  return { history, last: last.text ?? '' };
}

function textOf(content: readonly { readonly type: string }[]): string {
  return content
    .map((part) => (part.type === 'text' ? (part as { text?: string }).text : undefined) ?? '')
    .join('\n');
}

/** The whole answer as a stream: it is there only when it is complete. */
function asStream({
  content,
  finishReason,
  usage,
  warnings,
}: LanguageModelV3GenerateResult): ReadableStream<LanguageModelV3StreamPart> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue({ type: 'stream-start', warnings });
      for (const [index, part] of content.entries()) {
        if (part.type !== 'text') continue;
        const id = String(index);
        controller.enqueue({ type: 'text-start', id });
        controller.enqueue({ type: 'text-delta', id, delta: part.text });
        controller.enqueue({ type: 'text-end', id });
      }
      controller.enqueue({ type: 'finish', finishReason, usage });
      controller.close();
    },
  });
}
