import { StepError } from '@shoal/workflow';
import type { Json } from '@shoal/workflow';

type Fields = Readonly<Record<string, Json | undefined>>;

/** A field of a step's input that must be a text; the error names the field. */
export function requiredText(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new StepError('INPUT_INVALID', `input.${name} must be a text that is not empty`, {
    retryable: false,
  });
}

export function requiredNumber(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new StepError('INPUT_INVALID', `input.${name} must be a number`, { retryable: false });
}

export function asFields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
