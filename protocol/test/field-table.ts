/** One normal form for three sources: the transcribed table, the schemas, and the proto file itself. */
import type { Schema, Schemas } from '../scripts/schema-bundle.ts';

export interface Field {
  readonly kind: 'one' | 'array' | 'map';
  readonly type: string;
  readonly required: boolean;
  readonly oneof: string | undefined;
  /** Absence differs from the default. JSON Schema cannot say it. */
  readonly presence: boolean;
}

export type FieldTable = Readonly<Record<string, Readonly<Record<string, Field>>>>;

export function parseTable(messages: Readonly<Record<string, string>>): FieldTable {
  return mapValues(messages, (line) => Object.fromEntries(line.split('; ').map(parseField)));
}

function parseField(text: string): [string, Field] {
  const match = /^(\w+)([!?]?)(?:\|(\w+))? (?:(map)<(\w+)>|(\w+)(\[\])?)$/.exec(text);
  if (!match) throw new Error(`cannot read the table entry ${JSON.stringify(text)}`);
  const [, name, mark, oneof, map, mapType, type, array] = match;
  const kind = map === undefined ? (array === undefined ? 'one' : 'array') : 'map';
  return [name!, { kind, type: (mapType ?? type)!, required: mark === '!', oneof, presence: mark === '?' }];
}

/** What the schemas of messages say. `oneof` is the group's members, since JSON Schema has no name for it. */
export function tableOfSchemas(schemas: Schemas): FieldTable {
  return mapValues(schemas, (schema) => {
    const required = new Set((schema['required'] ?? []) as string[]);
    const members = ((schema['oneOf'] ?? []) as Schema[]).map(
      (branch) => (branch['required'] as string[])[0]!,
    );
    return mapValues(schema['properties'] as Schemas, (property, name) => ({
      ...shapeOf(property),
      required: required.has(name),
      oneof: members.includes(name) ? members.toSorted().join(' ') : undefined,
      presence: false,
    }));
  });
}

/** The table as the schemas can express it. */
export function withoutPresence(table: FieldTable): FieldTable {
  return mapValues(table, (fields) => {
    const groups = Object.entries(fields).reduce<Record<string, string[]>>((all, [name, { oneof }]) => {
      if (oneof !== undefined) all[oneof] = [...(all[oneof] ?? []), name];
      return all;
    }, {});
    return mapValues(fields, (field) => ({
      ...field,
      presence: false,
      oneof: field.oneof && groups[field.oneof]!.toSorted().join(' '),
    }));
  });
}

function shapeOf(schema: Schema): Pick<Field, 'kind' | 'type'> {
  if (schema['type'] === 'array') return { kind: 'array', type: scalarOf(schema['items'] as Schema) };
  const each = schema['additionalProperties'];
  if (typeof each === 'object') return { kind: 'map', type: scalarOf(each as Schema) };
  return { kind: 'one', type: scalarOf(schema) };
}

function scalarOf(schema: Schema): string {
  const ref = schema['$ref'];
  if (typeof ref === 'string') return ref.replace('#/$defs/', '');
  if (schema['contentEncoding'] === 'base64') return 'bytes';
  if (schema['x-shoal-write'] === 'utc') return 'Timestamp';
  const names: Readonly<Record<string, string>> = {
    string: 'string',
    boolean: 'bool',
    integer: 'int32',
    object: 'Struct',
  };
  const type = schema['type'] as string | undefined;
  return type === undefined ? 'Value' : (names[type] ?? `unknown ${JSON.stringify(schema)}`);
}

const structural = new Set(['type', 'items', 'additionalProperties', '$ref', 'description', 'x-shoal-write']);

/** Every rule of the schemas beyond shape, as `Type.field keyword value`; a time's pattern is its shape. */
export function constraintsOf(schemas: Schemas): readonly string[] {
  return Object.entries(schemas).flatMap(([type, schema]) =>
    Object.entries((schema['properties'] ?? {}) as Schemas).flatMap(([field, property]) =>
      Object.entries(property)
        .filter(
          ([keyword]) =>
            !structural.has(keyword) && !(keyword === 'pattern' && scalarOf(property) === 'Timestamp'),
        )
        .map(([keyword, value]) => `${type}.${field} ${keyword} ${String(value)}`),
    ),
  );
}

export function mapValues<A, B>(
  record: Readonly<Record<string, A>>,
  change: (value: A, key: string) => B,
): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
