/** Finds where in each document the keyword `x-shoal-write` asks more of a writer than of a reader. */
import type { Schema, Schemas } from './schema-bundle.ts';

/** A path of keys, with `*` for every entry of an array or map, and the rule for what is there. */
export type PlacedRule = readonly [path: readonly string[], rule: string];

const maxDepth = 12;

export function writeRulesOf(name: string, schemas: Schemas): readonly PlacedRule[] {
  const rules: PlacedRule[] = [];
  walk({ $ref: `#/$defs/${name}` }, [], new Set());
  return rules;

  function walk(schema: Schema, path: readonly string[], open: ReadonlySet<string>): void {
    if (path.length > maxDepth) throw new Error(`${name} is nested deeper than ${maxDepth}`);
    const ref = typeof schema['$ref'] === 'string' ? schema['$ref'].replace('#/$defs/', '') : undefined;
    if (ref !== undefined) {
      if (!open.has(ref)) walk(schemas[ref]!, path, new Set([...open, ref]));
      return;
    }
    if (typeof schema['x-shoal-write'] === 'string') rules.push([path, schema['x-shoal-write']]);
    for (const [key, inner] of Object.entries((schema['properties'] ?? {}) as Schemas))
      walk(inner, [...path, key], open);
    for (const each of ['items', 'additionalProperties']) {
      const inner = schema[each];
      if (typeof inner === 'object' && inner !== null) walk(inner as Schema, [...path, '*'], open);
    }
  }
}
