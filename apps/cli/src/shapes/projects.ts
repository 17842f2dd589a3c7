import { Type, type Static } from 'typebox';
import { count, orNull, text, words } from './parts.ts';

export const Created = Type.Object({ kind: text, directory: text, files: Type.Array(text) });
export type Created = Static<typeof Created>;

export const TraceEntry = Type.Object({
  at: text,
  topic: text,
  kind: text,
  /** The party that the topic names: an agent, a device, a session. */
  of: orNull(text),
  retain: Type.Boolean(),
  qos: count,
  /** One line that says what it is. */
  summary: text,
  /** UTF-8 text, or base64 of what is not. */
  payload: text,
  encoding: words('utf8', 'base64'),
  responseTopic: orNull(text),
  correlationData: orNull(text),
  userProperties: Type.Record(Type.String(), Type.Union([text, Type.Array(text)])),
});
export type TraceEntry = Static<typeof TraceEntry>;

export const Trace = Type.Object({ entries: Type.Array(TraceEntry), dropped: count });
export type Trace = Static<typeof Trace>;

export const Bench = Type.Object({
  broker: text,
  payloadBytes: count,
  seconds: Type.Number(),
  rows: Type.Array(
    Type.Object({
      name: text,
      unit: words('ms', 'messages/s'),
      /** Of latencies the median, of rates the mean. */
      value: Type.Number(),
      p99: orNull(Type.Number()),
      samples: count,
    }),
  ),
});
export type Bench = Static<typeof Bench>;
