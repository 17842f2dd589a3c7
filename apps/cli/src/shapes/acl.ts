import { Type, type Static } from 'typebox';
import { count, orNull, text, words } from './parts.ts';

export const Acl = Type.Object({
  broker: words('emqx', 'mosquitto', 'shoal'),
  principals: Type.Array(
    Type.Object({
      user: text,
      role: text,
      org: text,
      unit: text,
      id: orNull(text),
      clientIds: Type.Array(text),
      grants: Type.Array(
        Type.Object({
          action: words('publish', 'subscribe'),
          filter: text,
          retain: Type.Optional(Type.Boolean()),
        }),
      ),
    }),
  ),
  /** The rules, as the broker reads them. */
  rules: text,
  /** What was written; empty without --out. */
  files: Type.Array(text),
  /** Passwords that were new. */
  passwordsMade: count,
  /** What this broker cannot enforce. */
  limits: Type.Array(text),
});
export type Acl = Static<typeof Acl>;
