import { decodeDocument, parseJson } from '@shoal/protocol';

import type { CardValidator } from './registry.ts';

/** The A2A 1.0 Agent Card; unknown fields pass. */
export const validateAgentCard: CardValidator = (payload) => {
  const result = decodeDocument('AgentCard', payload);
  return result.ok ? [] : result.violations;
};

/** Any JSON object: what is asked for when schema validation is off. */
export const validateJsonObject: CardValidator = (payload) => {
  const parsed = parseJson(payload);
  if (!parsed.ok) return parsed.violations;
  const { value } = parsed;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return [];
  return [{ field: 'payload', message: 'is not a JSON object' }];
};
