import { trace } from '@opentelemetry/api';
import type { Logger } from '../link.ts';

/** `trace_id` and `span_id` of the active span, by the names that OpenTelemetry gives them in logs of other formats; empty without one. */
export function traceFields(): { readonly trace_id?: string; readonly span_id?: string } {
  const span = trace.getActiveSpan()?.spanContext();
  return span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId };
}

/** Adds the ids of the active span to every entry. */
export function withTraceIds(logger: Logger): Logger {
  const at =
    (level: keyof Logger): Logger['info'] =>
    (message, fields = {}) =>
      logger[level](message, { ...fields, ...traceFields() });
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
