import { Type, type Static } from 'typebox';
import { count, orNull, text, words } from './parts.ts';

export const Check = Type.Object({
  id: text,
  title: text,
  /** `error` fails the doctor; `skip` could not be looked at, and `detail` says why. */
  severity: words('ok', 'info', 'warn', 'error', 'skip'),
  detail: text,
  /** What to do about it. */
  fix: orNull(text),
});
export type Check = Static<typeof Check>;

export const Doctor = Type.Object({
  broker: text,
  checks: Type.Array(Check),
  errors: count,
  warnings: count,
  ok: Type.Boolean(),
});
export type Doctor = Static<typeof Doctor>;
