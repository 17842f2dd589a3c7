/** What a form needs of the JSON Schema of a tool's input. Anything else is given as JSON. */
export interface FormField {
  readonly name: string;
  readonly label: string;
  readonly help: string;
  readonly required: boolean;
  readonly kind: 'number' | 'integer' | 'text' | 'boolean' | 'choice' | 'json';
  readonly choices: readonly string[];
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
}

/** Filled in by the device's agent: nobody has to. */
const HIDDEN: ReadonlySet<string> = new Set(['requestId']);

export function formFields(schema: unknown): readonly FormField[] {
  const properties = object(object(schema)?.['properties']) ?? {};
  const required = object(schema)?.['required'];
  return Object.entries(properties)
    .filter(([name]) => !HIDDEN.has(name))
    .map(([name, value]) =>
      fieldOf(name, object(value) ?? {}, Array.isArray(required) && required.includes(name)),
    );
}

function fieldOf(name: string, schema: Readonly<Record<string, unknown>>, required: boolean): FormField {
  const { type } = schema;
  const choices = Array.isArray(schema['enum']) ? schema['enum'].filter((c) => typeof c === 'string') : [];
  const kind =
    choices.length > 0
      ? 'choice'
      : type === 'number' || type === 'integer' || type === 'boolean'
        ? type
        : type === 'string'
          ? 'text'
          : 'json';
  return {
    name,
    label: typeof schema['title'] === 'string' ? schema['title'] : name,
    help: typeof schema['description'] === 'string' ? schema['description'] : '',
    required,
    kind,
    choices,
    minimum: number(schema['minimum']),
    maximum: number(schema['maximum']),
  };
}

export type FormResult =
  | { readonly ok: true; readonly value: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly errors: Readonly<Record<string, string>> };

/** The arguments that the texts of a form stand for; empty fields that need no value are left out. */
export function readForm(fields: readonly FormField[], texts: Readonly<Record<string, string>>): FormResult {
  const value: Record<string, unknown> = {};
  const errors: Record<string, string> = {};
  for (const field of fields) {
    const text = (texts[field.name] ?? '').trim();
    if (text === '') {
      if (field.required) errors[field.name] = `${field.label} is needed`;
      continue;
    }
    const read = readField(field, text);
    if (typeof read === 'string') errors[field.name] = read;
    else value[field.name] = read.value;
  }
  return Object.keys(errors).length === 0 ? { ok: true, value } : { ok: false, errors };
}

function readField(field: FormField, text: string): { readonly value: unknown } | string {
  switch (field.kind) {
    case 'number':
    case 'integer':
      return readNumber(field, text);
    case 'boolean':
      return { value: text === 'true' };
    case 'json':
      try {
        return { value: JSON.parse(text) as unknown };
      } catch {
        return `${field.label} takes JSON, such as {"a":1}`;
      }
    default:
      return { value: text };
  }
}

function readNumber(field: FormField, text: string): { readonly value: number } | string {
  const value = Number(text);
  if (!Number.isFinite(value) || (field.kind === 'integer' && !Number.isInteger(value)))
    return `${field.label} takes a ${field.kind === 'integer' ? 'whole number' : 'number'}, not "${text}"`;
  if (field.minimum !== undefined && value < field.minimum)
    return `${field.label} must be at least ${field.minimum}`;
  if (field.maximum !== undefined && value > field.maximum)
    return `${field.label} must be at most ${field.maximum}`;
  return { value };
}

function object(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
