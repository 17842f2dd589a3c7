/** JSON Schema documents from the TypeBox definitions. */
import { definitions } from '../src/schemas/index.ts';

export type Schema = { [keyword: string]: unknown };
export type Schemas = Readonly<Record<string, Schema>>;

export const DIALECT = 'https://json-schema.org/draft/2020-12/schema';
export const BUNDLE_ID = 'urn:shoal:schema:v1';

/** Every definition as plain JSON, in alphabetical order. */
export function plainDefinitions(): Schemas {
  const plain = [...definitions()].map(
    ([name, schema]) => [name, JSON.parse(JSON.stringify(schema)) as Schema] as const,
  );
  return Object.fromEntries(plain.sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function bundleOf(schemas: Schemas): Schema {
  return {
    $schema: DIALECT,
    $id: BUNDLE_ID,
    title: 'Shoal protocol, version 1',
    description:
      'A2A 1.0 as spoken over MQTT, and the records of Shoal. Readers ignore unknown fields and keep them.',
    $defs: schemas,
  };
}

/** One document with what it refers to, and nothing else. */
export function documentOf(name: string, schemas: Schemas): Schema {
  const needed = [...reachable(name, schemas)]
    .filter((other) => other !== name || refersTo(name, schemas))
    .sort();
  return {
    $schema: DIALECT,
    $id: `${BUNDLE_ID}:${name}`,
    title: name,
    ...schemas[name],
    ...(needed.length > 0 && { $defs: Object.fromEntries(needed.map((other) => [other, schemas[other]])) }),
  };
}

/** The definitions that `schema` names by `$ref`. */
export function refsOf(schema: unknown): readonly string[] {
  const refs = JSON.stringify(schema).matchAll(/"\$ref":"#\/\$defs\/([^"]+)"/g);
  return [...refs].map((match) => match[1]!);
}

function reachable(name: string, schemas: Schemas, seen = new Set<string>()): Set<string> {
  if (seen.has(name)) return seen;
  seen.add(name);
  if (schemas[name] === undefined) throw new Error(`no definition named ${name}`);
  for (const ref of refsOf(schemas[name])) reachable(ref, schemas, seen);
  return seen;
}

/** Whether the document refers to itself, directly or through others. */
function refersTo(name: string, schemas: Schemas): boolean {
  return refsOf(schemas[name]).some((ref) => reachable(ref, schemas).has(name));
}
