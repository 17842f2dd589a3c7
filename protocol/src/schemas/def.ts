import { Type, type Static, type TSchema, type TUnsafe } from 'typebox';

const registry = new Map<string, TSchema>();

/**
 * Names a schema in the one JSON Schema document of the protocol (`$defs/{name}`) and returns a reference to it. Exporting the
 * reference, not the schema, keeps declaration files small and lets types refer to each other and to themselves.
 */
export function def<T>(name: string, schema: TSchema): TUnsafe<T> {
  if (registry.has(name)) throw new Error(`schema ${name} is defined twice`);
  registry.set(name, schema);
  return Type.Unsafe<T>({ $ref: `#/$defs/${name}` });
}

/** Every named schema, in the order of definition. */
export function definitions(): ReadonlyMap<string, TSchema> {
  return registry;
}

export type { Static };
