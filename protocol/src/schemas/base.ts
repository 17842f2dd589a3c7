/** Building blocks that keep the emitted JSON Schema fast to check and free of what Ajv2020 refuses. */
import { Type, type Static, type TObject, type TProperties, type TSchema, type TUnsafe } from 'typebox';

export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };
/** A proto `Struct`. */
export type JsonObject = Record<string, unknown>;

type WriteRule = 'non-empty' | 'utc' | 'specified';

/**
 * What a writer must hold to beyond what a reader may ask: `non-empty` (a string, array or map that A2A §5.7 requires), `utc`
 * (A2A §5.6.1), `specified` (an enumeration's zero value means that nobody chose).
 */
export function forWriters(rule: WriteRule): { 'x-shoal-write': WriteRule } {
  return { 'x-shoal-write': rule };
}

/** A REQUIRED string. */
export const Text = Type.String(forWriters('non-empty'));
/** A REQUIRED string that means nothing when it is empty, not even to a reader. */
export const Id = Type.String({ minLength: 1, ...forWriters('non-empty') });
export const OptionalText = Type.Optional(Type.String());
export const OptionalTexts = Type.Optional(Type.Array(Type.String()));
export const OptionalFlag = Type.Optional(Type.Boolean());

export const AnyObject: TUnsafe<JsonObject> = Type.Unsafe<JsonObject>({ type: 'object' });
export const JsonValue: TUnsafe<JsonValue> = Type.Unsafe<JsonValue>({});
export const Metadata = Type.Optional(AnyObject);

/** RFC 3339. A writer must use `Z`; readers meet other offsets. */
export const Timestamp = Type.String({
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?(Z|[+-]\\d\\d:\\d\\d)$',
  ...forWriters('utc'),
});

/** A map with free keys; `additionalProperties` is several times faster to check than TypeBox's own `patternProperties`. */
export function mapOf<S extends TSchema>(value: S, options: object = {}): TUnsafe<Record<string, Static<S>>> {
  return Type.Unsafe<Record<string, Static<S>>>({ type: 'object', additionalProperties: value, ...options });
}

/** A real `enum`, not TypeBox's anyOf of constants. */
export function enumOf<const V extends readonly string[]>(
  values: V,
  options: object = {},
): TUnsafe<V[number]> {
  return Type.Unsafe<V[number]>({ type: 'string', enum: [...values], ...options });
}

type OneMember<M> = {
  [K in keyof M]: { [P in K]: M[P] } & { [P in Exclude<keyof M, K>]?: never };
}[keyof M];
type MemberTypes<M extends TProperties> = { [K in keyof M]: Static<M[K]> };

/** A proto `oneof`: exactly one of `members` is there (by key: `null` and `""` count), besides `others`. */
export type OneOf<M extends TProperties, O extends TProperties = {}> = OneMember<MemberTypes<M>> &
  Static<TObject<O>>;

export function oneOf<M extends TProperties, O extends TProperties = {}>(
  members: M,
  others?: O,
): TUnsafe<OneOf<M, O>> {
  const optional = Object.fromEntries(
    Object.entries(members).map(([name, schema]) => [name, Type.Optional(schema)]),
  );
  return Type.Unsafe<OneOf<M, O>>({
    ...Type.Object({ ...optional, ...others }),
    oneOf: Object.keys(members).map((name) => ({ required: [name] })),
  });
}
