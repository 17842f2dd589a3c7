import { decodeDocument, parseJson } from '@shoal/protocol';
import { Errors } from 'typebox/value';

import { emqxCardSchema } from './emqx-card-schema.ts';

/** A violation of the card format; `field` is empty for the whole payload. */
export interface CardViolation {
  readonly field: string;
  readonly message: string;
}

/** Judges the payload of a card. Returns the first violations; none when it is valid. */
export type CardValidator = (payload: Buffer) => readonly CardViolation[];

/** The A2A 1.0 Agent Card; unknown fields pass. */
export const validateAgentCard: CardValidator = (payload) => {
  const result = decodeDocument('AgentCard', payload);
  return result.ok ? [] : result.violations;
};

/** The Agent Card as EMQX 6.2 wants it: unknown fields do not pass. */
export const validateEmqxCard: CardValidator = (payload) => {
  const parsed = parseJson(payload);
  if (!parsed.ok) return parsed.violations;
  return Errors(emqxCardSchema, parsed.value).map(({ instancePath, keyword, message }) => ({
    field: instancePath.slice(1).replaceAll('/', '.'),
    // A closed object has the schema `false` for what it does not know.
    message: keyword === 'boolean' ? 'is not a known field' : message,
  }));
};

/** Any JSON object: what is asked for when schema validation is off. */
export const validateJsonObject: CardValidator = (payload) => {
  const parsed = parseJson(payload);
  if (!parsed.ok) return parsed.violations;
  const { value } = parsed;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return [];
  return [{ field: '', message: 'is not a JSON object' }];
};
