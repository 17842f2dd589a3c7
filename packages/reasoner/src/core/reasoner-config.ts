import { ReasonerError } from '../errors.ts';
import type { Budgets, JsonSchema, Price } from '../types.ts';
import { checkJson } from './check-json.ts';

interface ModelSettings {
  readonly timeoutMs?: number;
  readonly maxOutputTokens?: number;
  readonly repairs?: number;
  readonly maxCalls?: number;
  readonly temperature?: number;
  readonly seed?: number;
  readonly price?: Price;
  readonly budgets?: Budgets;
  readonly fallback?: 'rules' | 'fail';
  readonly overBudget?: 'stop' | 'rules';
}

export interface RulesConfig {
  readonly kind: 'rules';
}

/** Any server that speaks the OpenAI-compatible API: vLLM, Ollama, llama.cpp, LM Studio, hosted ones. */
export interface OpenAiCompatibleConfig extends ModelSettings {
  readonly kind: 'openai-compatible';
  /** With the version: `http://127.0.0.1:11434/v1`. */
  readonly baseUrl: string;
  readonly model: string;
  /** Name of the environment variable that holds the key. The key itself stands in no config. */
  readonly apiKeyEnv?: string;
  /** The server takes a JSON Schema as response format. Default true. */
  readonly structuredOutputs?: boolean;
}

/** A GGUF file, run in this process by `node-llama-cpp`. */
export interface LlamaConfig extends ModelSettings {
  readonly kind: 'llama';
  readonly modelPath: string;
  /** Default 4096. */
  readonly contextTokens?: number;
  /** Default 1: more than there are free cores makes it many times slower. */
  readonly threads?: number;
}

/** What a blueprint or an agent says about its reasoner. Plain JSON: it may stand in a retained `desired` record. */
export type ReasonerConfig = RulesConfig | OpenAiCompatibleConfig | LlamaConfig;

const count = (minimum: number, maximum: number): JsonSchema => ({ type: 'integer', minimum, maximum });
const object = (properties: Record<string, JsonSchema>, required: readonly string[] = []): JsonSchema => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});
const amount: JsonSchema = { type: 'number', minimum: 0 };
const limit = object({ tokens: { type: 'integer', minimum: 0 }, costUsd: amount });
const text: JsonSchema = { type: 'string', minLength: 1 };

const MODEL_SETTINGS: Record<string, JsonSchema> = {
  timeoutMs: count(1, 3_600_000),
  maxOutputTokens: count(1, 1_000_000),
  repairs: count(0, 10),
  maxCalls: count(1, 100),
  temperature: { type: 'number', minimum: 0, maximum: 2 },
  seed: { type: 'integer' },
  price: object({ inputUsdPerMillion: amount, outputUsdPerMillion: amount }, [
    'inputUsdPerMillion',
    'outputUsdPerMillion',
  ]),
  budgets: object({ agentPerDay: limit, session: limit, fleetPerDay: limit }),
  fallback: { enum: ['rules', 'fail'] },
  overBudget: { enum: ['stop', 'rules'] },
};

const KINDS: Readonly<Record<ReasonerConfig['kind'], JsonSchema>> = {
  rules: object({ kind: {} }),
  'openai-compatible': object(
    {
      kind: {},
      baseUrl: { ...text, pattern: '^https?://' },
      model: text,
      apiKeyEnv: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]*$' },
      structuredOutputs: { type: 'boolean' },
      ...MODEL_SETTINGS,
    },
    ['baseUrl', 'model'],
  ),
  llama: object(
    {
      kind: {},
      modelPath: text,
      contextTokens: count(256, 1_000_000),
      threads: count(1, 256),
      ...MODEL_SETTINGS,
    },
    ['modelPath'],
  ),
};

const KEY_FIELDS = ['apiKey', 'key', 'token', 'password', 'headers'];

/** Throws ReasonerError `invalid-config` that names the field and the fix. */
export function parseReasonerConfig(value: unknown): ReasonerConfig {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('must be an object such as {"kind":"rules"}');
  const fields = value as Record<string, unknown>;
  for (const name of KEY_FIELDS)
    if (name in fields)
      throw invalid(
        `${name} must not stand in a config, which others can read; put it into an environment variable and name that with apiKeyEnv`,
      );
  const { kind } = fields;
  const schema =
    typeof kind === 'string' && Object.hasOwn(KINDS, kind)
      ? KINDS[kind as ReasonerConfig['kind']]
      : undefined;
  if (schema === undefined)
    throw invalid(`kind must be ${Object.keys(KINDS).join(', ')}, not ${JSON.stringify(kind)}`);
  const fits = checkJson(schema, fields);
  if (!fits.ok) throw invalid(fits.problems);
  const { baseUrl } = fields;
  if (typeof baseUrl === 'string') assertBaseUrl(baseUrl);
  return value as ReasonerConfig;
}

function assertBaseUrl(baseUrl: string): void {
  if (!URL.canParse(baseUrl)) throw invalid(`/baseUrl must be a URL such as http://127.0.0.1:11434/v1`);
  const { username, password, search } = new URL(baseUrl);
  if (username !== '' || password !== '' || search !== '')
    throw invalid('/baseUrl must hold no user, password or query: name the key with apiKeyEnv');
}

function invalid(message: string): ReasonerError {
  return new ReasonerError('invalid-config', `reasoner: ${message}`);
}
