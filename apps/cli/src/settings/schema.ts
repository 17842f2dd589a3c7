import { Type, type Static } from 'typebox';
import { Errors } from 'typebox/value';
import { IDENTIFIER_PATTERN } from '@shoal/protocol';

const text = Type.String({ minLength: 1 });

/** `shoal.config.json` and `$XDG_CONFIG_HOME/shoal/config.json`. Paths in it are relative to the file. */
export const ConfigFile = Type.Object(
  {
    broker: Type.Optional(text),
    username: Type.Optional(text),
    passwordFile: Type.Optional(text),
    org: Type.Optional(Type.String({ pattern: IDENTIFIER_PATTERN })),
    unit: Type.Optional(Type.String({ pattern: IDENTIFIER_PATTERN })),
    clientId: Type.Optional(text),
    caFile: Type.Optional(text),
    certFile: Type.Optional(text),
    keyFile: Type.Optional(text),
    timeoutSeconds: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
    apiUrl: Type.Optional(text),
    dev: Type.Optional(
      Type.Object(
        {
          workflows: Type.Optional(Type.Array(text)),
          blueprints: Type.Optional(text),
          devices: Type.Optional(Type.Integer({ minimum: 0, maximum: 200 })),
          port: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
          wsPort: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
          data: Type.Optional(text),
        },
        { additionalProperties: false },
      ),
    ),
    host: Type.Optional(
      Type.Object(
        {
          id: Type.Optional(Type.String({ pattern: IDENTIFIER_PATTERN })),
          labels: Type.Optional(Type.Record(Type.String(), Type.String())),
          capacity: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
          warm: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000 })),
          drainSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400 })),
          blueprints: Type.Optional(text),
          /** A kind, or the path of a module. */
          spawner: Type.Optional(text),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);
export type ConfigFile = Static<typeof ConfigFile>;

/** What is wrong with it, naming the field; undefined when it can be used. */
export function complaintAbout(value: unknown): string | undefined {
  if (typeof value === 'object' && value !== null && 'password' in value)
    return 'password: a secret does not belong in this file: put it in a file of its own and name that as passwordFile';
  const [first] = Errors(ConfigFile, value);
  if (first === undefined) return undefined;
  const field = first.instancePath.split('/').slice(1).join('.') || 'the file';
  return `${field}: ${first.keyword === 'boolean' ? 'is not a known field' : first.message}`;
}
