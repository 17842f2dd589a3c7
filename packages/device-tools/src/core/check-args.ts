/** Arguments against the schema that a tool declares, with refusals that name range and unit. Pure. */
import { Errors } from 'typebox/schema';
import { isRecord, type JsonRecord } from './declaration.ts';
import type { Refusal } from './refusal.ts';

/** The first thing that is wrong with the arguments; undefined when nothing is. */
export function checkArguments(inputSchema: JsonRecord, args: JsonRecord): Refusal | undefined {
  for (const [name, value] of Object.entries(args))
    if (typeof value === 'number' && !Number.isFinite(value))
      return { code: 'invalid-arguments', message: `${name} must be a finite number`, argument: { name } };
  const [valid, errors] = Errors(inputSchema, args);
  if (valid) return undefined;
  const first = errors[0];
  if (first === undefined)
    return { code: 'invalid-arguments', message: 'the arguments do not match the schema' };
  const name = argumentOf(first);
  const properties = isRecord(inputSchema['properties']) ? inputSchema['properties'] : {};
  const schema = isRecord(properties[name]) ? properties[name] : undefined;
  const { minimum, maximum, unit } = schema ?? {};
  if (schema === undefined || (typeof minimum !== 'number' && typeof maximum !== 'number')) {
    const known = Object.keys(properties).join(', ') || 'none';
    const message = `${name || 'the arguments'}: ${first.message}; the arguments are: ${known}`;
    return { code: 'invalid-arguments', message, argument: { name } };
  }
  const unitText = typeof unit === 'string' && unit !== '1' ? ` ${unit}` : '';
  return {
    code: 'invalid-arguments',
    message: `${name} is ${text(args[name])}; it must be ${text(minimum)} to ${text(maximum)}${unitText}`,
    argument: {
      name,
      ...(typeof minimum === 'number' ? { minimum } : {}),
      ...(typeof maximum === 'number' ? { maximum } : {}),
      ...(typeof unit === 'string' ? { unit } : {}),
    },
  };
}

function argumentOf(error: { readonly instancePath: string; readonly params?: unknown }): string {
  const [, first] = error.instancePath.split('/');
  if (first !== undefined && first !== '') return first;
  const params = isRecord(error.params) ? error.params : {};
  for (const key of ['requiredProperties', 'additionalProperties']) {
    const names = params[key];
    if (Array.isArray(names) && typeof names[0] === 'string') return names[0];
  }
  return '';
}

/** Values of a caller are quoted and cut: they may be anything. */
function text(value: unknown): string {
  return value === undefined ? 'absent' : (JSON.stringify(value) ?? 'nothing').slice(0, 100);
}
