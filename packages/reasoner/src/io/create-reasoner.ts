import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { SHORTEST_SECRET } from '../core/redact.ts';
import {
  parseReasonerConfig,
  type OpenAiCompatibleConfig,
  type ReasonerConfig,
} from '../core/reasoner-config.ts';
import { ReasonerError } from '../errors.ts';
import type { Reasoner, ToolGate } from '../types.ts';
import type { Ledger } from './ledger.ts';
import { openLlamaModel, type LlamaRuntime } from './llama-model.ts';
import { modelReasoner, type ModelReasonerOptions } from './model-reasoner.ts';
import { rulesReasoner } from './rules-reasoner.ts';
import type { ReasonerSettings } from './settings.ts';

export interface CreateReasonerOptions extends ReasonerSettings {
  readonly gate?: ToolGate;
  readonly ledger?: Ledger;
  /** Where keys are looked up. Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** `node-llama-cpp`, when it is not installed where Node would find it. */
  readonly llama?: LlamaRuntime;
}

/**
 * The reasoner that a config asks for. Throws ReasonerError `invalid-config`, also when the key's variable is not set or
 * `node-llama-cpp` is not installed.
 */
export async function createReasoner(config: unknown, options: CreateReasonerOptions): Promise<Reasoner> {
  const parsed = parseReasonerConfig(config);
  const { env = process.env, llama, ...settings } = options;
  if (parsed.kind === 'rules') return rulesReasoner(settings);
  const common = { ...settings, ...modelSettings(parsed) };
  if (parsed.kind === 'llama') {
    const { modelPath, contextTokens, threads } = parsed;
    const opened = await openLlamaModel({
      modelPath,
      ...(contextTokens === undefined ? {} : { contextTokens }),
      ...(threads === undefined ? {} : { threads }),
      ...(llama === undefined ? {} : { runtime: llama }),
    });
    return modelReasoner({ ...common, model: opened.model, onClose: () => opened.close() });
  }
  const apiKey = readKey(parsed, env);
  const provider = createOpenAICompatible({
    name: 'openai-compatible',
    baseURL: parsed.baseUrl,
    supportsStructuredOutputs: parsed.structuredOutputs ?? true,
    ...(apiKey === undefined ? {} : { apiKey }),
  });
  return modelReasoner({
    ...common,
    model: provider(parsed.model),
    ...(apiKey === undefined ? {} : { secrets: [apiKey] }),
  });
}

function modelSettings(config: Exclude<ReasonerConfig, { kind: 'rules' }>): Partial<ModelReasonerOptions> {
  const { timeoutMs, maxOutputTokens, repairs, maxCalls, temperature, seed } = config;
  const { price, budgets, fallback, overBudget } = config;
  const all = {
    timeoutMs,
    maxOutputTokens,
    repairs,
    maxCalls,
    temperature,
    seed,
    price,
    budgets,
    fallback,
    overBudget,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function readKey(
  { apiKeyEnv }: OpenAiCompatibleConfig,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (apiKeyEnv === undefined) return undefined;
  const key = env[apiKeyEnv];
  if (key === undefined || key === '')
    throw new ReasonerError(
      'invalid-config',
      `reasoner: the variable ${apiKeyEnv} that apiKeyEnv names is not set`,
    );
  if (key.length < SHORTEST_SECRET)
    throw new ReasonerError(
      'invalid-config',
      `reasoner: ${apiKeyEnv} holds fewer than ${SHORTEST_SECRET} characters, too few to be told from words; leave apiKeyEnv out for a server without a key`,
    );
  return key;
}
