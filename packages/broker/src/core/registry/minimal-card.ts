import type { CardValidator, CardViolation } from './registry.ts';

const REQUIRED: Readonly<Record<string, 'string' | 'array' | 'object'>> = {
  name: 'string',
  description: 'string',
  version: 'string',
  supportedInterfaces: 'array',
  capabilities: 'object',
  defaultInputModes: 'array',
  defaultOutputModes: 'array',
  skills: 'array',
};

export type JsonObject = { readonly [name: string]: unknown };

/** Parses a payload as a JSON object, or says why it is none. */
export function parseJsonObject(payload: Buffer): JsonObject | CardViolation {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    return { field: 'payload', message: 'is not JSON in UTF-8' };
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  return { field: 'payload', message: 'is not a JSON object' };
}

const kindOf = (value: unknown): string =>
  Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;

/** The required fields of an Agent Card and their types. */
export const validateRequiredFields: CardValidator = (payload) => {
  const card = parseJsonObject(payload);
  if ('field' in card && 'message' in card && Object.keys(card).length === 2)
    return [card as unknown as CardViolation];
  const violations: CardViolation[] = [];
  for (const [field, kind] of Object.entries(REQUIRED)) {
    const actual = kindOf((card as JsonObject)[field]);
    if (actual === 'undefined') violations.push({ field, message: 'is missing' });
    else if (actual !== kind) violations.push({ field, message: `must be ${kind}, is ${actual}` });
  }
  return violations;
};

/** Any JSON object: what is left when schema validation is off. */
export const validateJsonObject: CardValidator = (payload) => {
  const card = parseJsonObject(payload);
  return 'field' in card && Object.keys(card).length === 2 ? [card as unknown as CardViolation] : [];
};
