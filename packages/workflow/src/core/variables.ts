import type { Message, WorkflowDefinition, WorkflowVariable } from '@shoal/protocol';
import { WorkflowError } from '../errors.ts';
import type { Json } from '../types/blueprint.ts';
import { dataOf } from './scope.ts';

/**
 * The inputs of a run: `variables` of the request's metadata, else the member of that name in the message's first data part, else the
 * default. Throws WorkflowError `invalid-request` naming each variable that is missing, unknown or of the wrong type.
 */
export function resolveVariables(
  definition: Pick<WorkflowDefinition, 'id' | 'variables'>,
  message: Message,
  given: Readonly<Record<string, unknown>> = {},
): Record<string, Json> {
  const declared = definition.variables ?? {};
  const problems = Object.keys(given)
    .filter((name) => !(name in declared))
    .map(
      (name) =>
        `variable "${name}" is unknown to workflow ${definition.id}: it has ${Object.keys(declared).join(', ') || 'none'}`,
    );
  const data = dataOf(message);
  const members = data !== null && typeof data === 'object' && !Array.isArray(data) ? data : {};
  const values: Record<string, Json> = {};
  for (const [name, variable] of Object.entries(declared)) {
    const value = firstDefined(given[name], members[name], variable.default) as Json | undefined;
    if (value !== undefined) {
      if (!hasType(value, variable.type))
        problems.push(`variable "${name}" must be of type ${variable.type}`);
      values[name] = value;
    } else if (variable.required !== false) problems.push(missing(name, variable));
    else values[name] = null;
  }
  if (problems.length > 0) throw new WorkflowError('invalid-request', problems.join('; '));
  return values;
}

function missing(name: string, variable: WorkflowVariable): string {
  const about = variable.description === undefined ? '' : ` (${variable.description})`;
  return `variable "${name}"${about} is missing: give it in metadata.variables or in the message's data part`;
}

function firstDefined(...values: readonly unknown[]): unknown {
  return values.find((value) => value !== undefined);
}

/** Is `value` of the declared type? An undeclared type takes everything. */
export function hasType(value: unknown, type: WorkflowVariable['type']): boolean {
  if (type === undefined) return true;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}
