/** Turns what a compiled validator reports into violations that name the field and the way to mend it. */
import { IDENTIFIER_PATTERN } from './identifiers.ts';
import type { Violation } from './protocol-error.ts';

/** The part of Ajv's ErrorObject that is used here. */
export interface SchemaError {
  readonly instancePath: string;
  readonly schemaPath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string;
  /** Set where the complaint is about the name of a property. */
  readonly propertyName?: string | undefined;
}

const maxViolations = 25;
const maxErrorsRead = 200;
const maxShownLength = 60;

/** At most 25, one for each field. */
export function toViolations(errors: readonly SchemaError[], document: unknown): readonly Violation[] {
  const found = new Map<string, Violation>();
  for (const error of withoutAlternatives(errors.slice(0, maxErrorsRead))) {
    const { field, value } = locate(error, document);
    if (!found.has(field)) found.set(field, { field, message: explain(error, value) });
    if (found.size === maxViolations) break;
  }
  return [...found.values()];
}

/** Where no branch of an `anyOf` fits, the complaints of the branch that comes closest stand for the whole. */
function withoutAlternatives(errors: readonly SchemaError[]): readonly SchemaError[] {
  let left = errors;
  for (const whole of errors.filter(({ keyword }) => keyword === 'anyOf')) {
    const prefix = `${whole.schemaPath}/`;
    const branches = new Map<string, SchemaError[]>();
    for (const error of left) {
      const inside = error.schemaPath.startsWith(prefix) && error.instancePath.startsWith(whole.instancePath);
      const branch = inside ? error.schemaPath.slice(prefix.length).split('/')[0]! : undefined;
      if (branch !== undefined) branches.set(branch, [...(branches.get(branch) ?? []), error]);
    }
    const closest = [...branches.values()].sort((a, b) => a.length - b.length)[0];
    if (closest === undefined) continue;
    const dropped = new Set([whole, ...branches.values()].flat());
    const rest = left.filter((error) => !dropped.has(error));
    const says = rest.filter((error) => error !== whole && error.instancePath.startsWith(whole.instancePath));
    left = isWrongKind(closest, whole) && !isWrongKind(says, whole) ? rest : [...closest, ...rest];
  }
  return left;
}

/** All that the branch says is that the value is of another kind. A branch behind a `$ref` then has the better complaint. */
function isWrongKind(branch: readonly SchemaError[], whole: SchemaError): boolean {
  return branch.every(
    ({ keyword, instancePath }) => keyword === 'type' && instancePath === whole.instancePath,
  );
}

/** One line for logs and error messages. */
export function describeViolations(violations: readonly Violation[]): string {
  return violations
    .map(({ field, message }) => (field === '' ? `document ${message}` : `${field} ${message}`))
    .join('; ');
}

/** Appends a step to a path: `a.b`, `a[0]`, `a["odd key"]`. */
export function fieldPath(base: string, step: string | number): string {
  if (typeof step === 'number') return `${base}[${step}]`;
  if (!/^[A-Za-z_$@][A-Za-z0-9_$@-]*$/.test(step)) return `${base}[${JSON.stringify(step)}]`;
  return base === '' ? step : `${base}.${step}`;
}

function locate(error: SchemaError, document: unknown): { field: string; value: unknown } {
  let field = '';
  let value = document;
  for (const token of error.instancePath.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    field = fieldPath(field, Array.isArray(value) ? Number(key) : cut(key));
    value = (value as Record<string, unknown>)[key];
  }
  const named = error.propertyName ?? error.params['propertyName'];
  if (typeof named === 'string') return { field: fieldPath(field, cut(named)), value: named };
  const inner = error.params['missingProperty'] ?? error.params['additionalProperty'];
  return typeof inner === 'string'
    ? { field: fieldPath(field, cut(inner)), value: undefined }
    : { field, value };
}

function explain(error: SchemaError, value: unknown): string {
  if (error.propertyName !== undefined)
    return `has a name that ${explain({ ...error, propertyName: undefined }, value)}`;
  const { params } = error;
  switch (error.keyword) {
    case 'required':
      return 'is required: add it';
    case 'additionalProperties':
      return 'is not known here: remove it or correct its name';
    case 'type':
      return `must be ${typeNames(params['type'])}, is ${kindOf(value)}`;
    case 'enum':
      return `must be one of ${(params['allowedValues'] as unknown[]).map(String).join(', ')}; is ${show(value)}`;
    case 'const':
      return `must be ${show(params['allowedValue'])}, is ${show(value)}`;
    case 'exactlyOneOf':
      return exactlyOne(params['members'] as string[], value);
    case 'minItems':
    case 'minProperties':
      return `needs at least ${String(params['limit'])} ${params['limit'] === 1 ? 'entry' : 'entries'}`;
    case 'maxItems':
    case 'maxProperties':
      return `may have at most ${String(params['limit'])} ${params['limit'] === 1 ? 'entry' : 'entries'}`;
    case 'minimum':
      return `must be at least ${String(params['limit'])}, is ${show(value)}`;
    case 'maximum':
      return `must be at most ${String(params['limit'])}, is ${show(value)}`;
    case 'exclusiveMinimum':
      return `must be more than ${String(params['limit'])}, is ${show(value)}`;
    case 'minLength':
      return params['limit'] === 1
        ? 'must not be empty'
        : `needs at least ${String(params['limit'])} characters`;
    case 'maxLength':
      return `may have at most ${String(params['limit'])} characters`;
    case 'pattern':
      return explainPattern(String(params['pattern']), value);
    case 'anyOf':
    case 'oneOf':
      return `matches none of the allowed forms; is ${show(value)}`;
    default:
      return `${error.message ?? `breaks the rule ${error.keyword}`}; is ${show(value)}`;
  }
}

function exactlyOne(members: readonly string[], value: unknown): string {
  const present = members.filter((name) => (value as Record<string, unknown>)[name] !== undefined);
  const has = present.length === 0 ? 'none' : present.join(' and ');
  return `must have exactly one of ${members.join(', ')}; has ${has}`;
}

function explainPattern(pattern: string, value: unknown): string {
  if (pattern === IDENTIFIER_PATTERN)
    return `must be an identifier of A-Z a-z 0-9 _ . - only; is ${show(value)}`;
  if (pattern.startsWith(String.raw`^\d{4}-\d\d-\d\dT`)) {
    return `must be a time like 2026-01-31T08:00:00.000Z; is ${show(value)}`;
  }
  return `must match ${pattern}; is ${show(value)}`;
}

function typeNames(type: unknown): string {
  const names = Array.isArray(type) ? type.map(String) : String(type).split(',');
  return names
    .map((name) => (name === 'null' ? name : `${/^[aeio]/.test(name) ? 'an' : 'a'} ${name}`))
    .join(' or ');
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function show(value: unknown): string {
  if (typeof value === 'object' && value !== null) return kindOf(value);
  const text = JSON.stringify(value) ?? String(value);
  return cut(text);
}

function cut(text: string): string {
  return text.length <= maxShownLength ? text : `${text.slice(0, maxShownLength)}…`;
}
