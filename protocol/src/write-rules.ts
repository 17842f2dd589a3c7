/** What a writer must hold to beyond what a reader may ask: keyword `x-shoal-write` of the schemas. */
import type { Violation } from './protocol-error.ts';
import { fieldPath } from './violations.ts';

export type PlacedRule = readonly [path: readonly string[], rule: string];

/** Expects a value that already matches its schema. */
export function brokenWriteRules(rules: readonly PlacedRule[], document: unknown): readonly Violation[] {
  const violations: Violation[] = [];
  for (const [path, rule] of rules) visit(document, path, '', (field, value) => check(rule, field, value));
  return violations;

  function check(rule: string, field: string, value: unknown): void {
    const message = complaint(rule, value);
    if (message !== undefined) violations.push({ field, message });
  }
}

function visit(
  value: unknown,
  path: readonly string[],
  field: string,
  found: (field: string, value: unknown) => void,
): void {
  const [step, ...rest] = path;
  if (value === undefined) return;
  if (step === undefined) return found(field, value);
  if (typeof value !== 'object' || value === null) return;
  if (step !== '*')
    return visit((value as Record<string, unknown>)[step], rest, fieldPath(field, step), found);
  if (Array.isArray(value)) value.forEach((each, at) => visit(each, rest, fieldPath(field, at), found));
  else for (const [key, each] of Object.entries(value)) visit(each, rest, fieldPath(field, key), found);
}

function complaint(rule: string, value: unknown): string | undefined {
  if (rule === 'non-empty' && sizeOf(value) === 0)
    return 'must not be empty: fill it (readers that drop defaults lose it)';
  if (rule === 'utc' && !String(value).endsWith('Z'))
    return 'must be in UTC: write it with Z, not with an offset';
  if (rule === 'specified' && String(value).endsWith('_UNSPECIFIED'))
    return 'must say a value: choose one other than UNSPECIFIED';
  return undefined;
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  return typeof value === 'object' && value !== null ? Object.keys(value).length : 1;
}
