import { Type, type Static } from 'typebox';
import { count, map, text, words } from './parts.ts';

/** With `--jsonl`, as it happens. */
export const HostEvent = Type.Object({
  event: words('ready', 'draining'),
  org: text,
  unit: text,
  hostId: text,
  /** Places that are taken. */
  running: count,
});
export type HostEvent = Static<typeof HostEvent>;

/** At the end. */
export const HostRan = Type.Object({
  org: text,
  unit: text,
  hostId: text,
  labels: map(text),
  /** Everything that it had started has ended. */
  drained: Type.Boolean(),
  /** Places that are still taken. */
  left: count,
});
export type HostRan = Static<typeof HostRan>;
