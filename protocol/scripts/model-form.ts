/** The schemas as generators of types for other languages want them: shapes only. What a value may be stays with the schemas themselves. */
import { BUNDLE_ID, DIALECT, refsOf, type Schema, type Schemas } from './schema-bundle.ts';

export type Language = 'python' | 'go';

/** Rules over values; the validator of each language checks them from the real schema. */
const RULES: ReadonlySet<string> = new Set([
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'minItems',
  'maxItems',
  'uniqueItems',
  'minProperties',
  'maxProperties',
  'propertyNames',
  'contentEncoding',
  'not',
  'x-shoal-write',
]);

/** Go has no unions: what is one, or is any value, stays as the JSON text that it came as, `null` included. */
const RAW_JSON = {
  goJSONSchema: { type: 'json.RawMessage', imports: ['encoding/json'], nillable: true },
};

/** Objects within objects get a definition of their own, named after where they are: generators would number them. */
export function modelForm(schemas: Schemas, language: Language): Schema {
  const definitions = new Map<string, Schema>();
  // A Go type of its own that is raw JSON would lose how raw JSON is written: whoever refers to one is raw itself.
  const raw = new Set(Object.keys(schemas).filter((name) => language === 'go' && isRaw(schemas[name]!)));
  for (const [name, schema] of Object.entries(schemas)) {
    const shaped = shape(schema, name);
    if (!raw.has(name)) definitions.set(name, shaped);
  }
  const sorted = [...definitions].sort(([a], [b]) => (a < b ? -1 : 1));
  return { $schema: DIALECT, $id: `${BUNDLE_ID}:models:${language}`, $defs: Object.fromEntries(sorted) };

  function shape(schema: Schema, name: string): Schema {
    const kept = Object.entries(schema).filter(
      ([keyword]) => !RULES.has(keyword) && !(isObject(schema) && isCombiner(keyword)),
    );
    const shaped = Object.fromEntries(kept.map(([keyword, value]) => [keyword, inner(keyword, value, name)]));
    if (language !== 'go') return shaped;
    const [target] = refsOf(shaped);
    const isRef = shaped['$ref'] !== undefined;
    return isRef && target !== undefined && raw.has(target) ? RAW_JSON : forGo(shaped);
  }

  function inner(keyword: string, value: unknown, name: string): unknown {
    if (keyword === 'properties')
      return Object.fromEntries(
        Object.entries(value as Schemas).map(([key, property]) => [
          key,
          placed(property, name + pascal(key)),
        ]),
      );
    if (keyword === 'items') return placed(value as Schema, name.replace(/ies$/, 'y').replace(/s$/, ''));
    if (keyword === 'additionalProperties' && typeof value === 'object') return placed(value as Schema, name);
    return isCombiner(keyword) ? (value as Schema[]).map((branch) => placed(branch, name)) : value;
  }

  function placed(schema: Schema, name: string): Schema {
    if (!isObject(schema)) return shape(schema, name);
    const own = definitions.has(name) || schemas[name] !== undefined ? `${name}Object` : name;
    if (definitions.has(own)) throw new Error(`two inner objects want to be called ${own}`);
    definitions.set(own, shape(schema, own));
    return { $ref: `#/$defs/${own}` };
  }
}

/** With members of its own: alternatives beside them say only which go together. */
function isObject(schema: Schema): boolean {
  return schema['properties'] !== undefined;
}

function isCombiner(keyword: string): boolean {
  return keyword === 'oneOf' || keyword === 'anyOf';
}

function pascal(key: string): string {
  return key.charAt(0).toUpperCase() + key.slice(1);
}

function forGo(schema: Schema): Schema {
  const { const: only, description, ...rest } = schema;
  const said = description === undefined ? {} : { description };
  if (only !== undefined)
    return { ...rest, ...said, type: typeof only === 'number' ? 'integer' : typeof only };
  return isRaw(rest) ? { ...said, ...RAW_JSON } : schema;
}

function isRaw(schema: Schema): boolean {
  const isAny = ['type', '$ref', 'enum', 'properties'].every((keyword) => schema[keyword] === undefined);
  return isAny || Array.isArray(schema['type']);
}
