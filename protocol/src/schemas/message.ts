import { Type, type TUnsafe } from 'typebox';
import { ROLES, type Role as RoleName } from '../task-state.ts';
import { def, type Static } from './def.ts';
import { enumOf, forWriters, Id, Metadata, oneOf, OptionalText, OptionalTexts, Text } from './base.ts';

export type Role = RoleName;
export const Role: TUnsafe<Role> = def('Role', enumOf(ROLES, forWriters('specified')));

const $Part = oneOf(
  {
    text: Type.String(),
    raw: Type.String({ contentEncoding: 'base64', pattern: '^[A-Za-z0-9+/_-]*={0,2}$' }),
    url: Type.String(),
    data: Type.Unknown({ description: 'Any JSON value; null counts as present.' }),
  },
  { metadata: Metadata, filename: OptionalText, mediaType: OptionalText },
);
/** Exactly one of `text`, `raw` (base64), `url` and `data` (any JSON; test by presence of the key, null is a value). */
export type Part = Static<typeof $Part>;
export const Part: TUnsafe<Part> = def('Part', $Part);

const $Message = Type.Object({
  messageId: Id,
  role: Role,
  parts: Type.Array(Part, { minItems: 1 }),
  contextId: OptionalText,
  taskId: OptionalText,
  metadata: Metadata,
  extensions: OptionalTexts,
  referenceTaskIds: OptionalTexts,
});
export interface Message extends Static<typeof $Message> {}
export const Message: TUnsafe<Message> = def('Message', $Message);

const $Artifact = Type.Object({
  artifactId: Text,
  parts: Type.Array(Part, { minItems: 1 }),
  name: OptionalText,
  description: OptionalText,
  metadata: Metadata,
  extensions: OptionalTexts,
});
export interface Artifact extends Static<typeof $Artifact> {}
export const Artifact: TUnsafe<Artifact> = def('Artifact', $Artifact);
