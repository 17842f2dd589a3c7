import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { ReasonerError } from '../errors.ts';
import type { JsonSchema } from '../types.ts';

export type Checked = { readonly ok: true } | { readonly ok: false; readonly problems: string };

const MAX_SCHEMAS = 200;
const MAX_PROBLEMS = 5;

/** Compiled schemas by their text; when full, the oldest is compiled again next time. */
const compiled = new Map<string, ValidateFunction>();

/** Throws `invalid-task` for what is no JSON Schema. */
export function checkJson(schema: JsonSchema, value: unknown): Checked {
  const validate = compile(schema);
  if (validate(value)) return { ok: true };
  const problems = (validate.errors ?? [])
    .slice(0, MAX_PROBLEMS)
    .map(({ instancePath, message }) => `${instancePath === '' ? 'the answer' : instancePath} ${message}`);
  return { ok: false, problems: problems.join('; ') };
}

function compile(schema: JsonSchema): ValidateFunction {
  const text = JSON.stringify(schema);
  const known = compiled.get(text);
  if (known !== undefined) return known;
  try {
    // A new Ajv each time: it would keep every schema for ever, and refuse the same $id twice.
    const validate = new Ajv2020({ strict: false, allErrors: true, logger: false }).compile(schema);
    if (compiled.size >= MAX_SCHEMAS) compiled.delete(compiled.keys().next().value!);
    compiled.set(text, validate);
    return validate;
  } catch (error) {
    throw new ReasonerError(
      'invalid-task',
      `schema: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** The JSON value in an answer: alone, in a fence of Markdown, or with words around it. Undefined when there is none. */
export function findJson(text: string): { readonly value: unknown } | undefined {
  const trimmed = text.trim();
  const fenced = /```(?:json)?\s*([\s\S]*?)```/.exec(trimmed)?.[1];
  const first = trimmed.search(/[{[]/);
  const last = Math.max(trimmed.lastIndexOf('}'), trimmed.lastIndexOf(']'));
  const candidates = [trimmed, fenced, first < 0 ? undefined : trimmed.slice(first, last + 1)];
  for (const candidate of candidates) {
    if (candidate === undefined) continue;
    try {
      return { value: JSON.parse(candidate) };
    } catch {
      // The next candidate may be JSON.
    }
  }
  return undefined;
}
