/** W3C Trace Context, as it travels in user properties, in `_meta` of MCP and in records. */
import type { Context, TextMapGetter, TextMapSetter } from '@opentelemetry/api';
import { ROOT_CONTEXT, propagation } from '@opentelemetry/api';

/** By the names of the W3C, which are also those of its MQTT draft. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
/** W3C Trace Context §3.3.1.5 asks for at least so many characters to be passed on. */
const MAX_TRACESTATE = 512;

const getter: TextMapGetter<Readonly<Record<string, unknown>>> = {
  keys: () => ['traceparent', 'tracestate'],
  get(carrier, key) {
    const value = carrier[key];
    return typeof value === 'string' ? value : undefined;
  },
};

/** Nothing but the trace context leaves: baggage may hold what another organization should not read. */
const setter: TextMapSetter<Record<string, string>> = {
  set(carrier, key, value) {
    if (key === 'traceparent' || key === 'tracestate') carrier[key] = value;
  },
};

/** Whether both fields are well formed and bounded, as in W3C Trace Context; `tracestate` may be missing. */
export function isTraceContext(value: unknown): value is TraceContext {
  if (typeof value !== 'object' || value === null) return false;
  const { traceparent, tracestate } = value as Partial<Record<keyof TraceContext, unknown>>;
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return false;
  return tracestate === undefined || (typeof tracestate === 'string' && tracestate.length <= MAX_TRACESTATE);
}

/** The two fields out of something larger (user properties, headers); undefined when there is no usable `traceparent`. */
export function traceContextOf(
  carrier: Readonly<Record<string, unknown>> | undefined,
): TraceContext | undefined {
  const { traceparent, tracestate } = carrier ?? {};
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return undefined;
  const state = typeof tracestate === 'string' && tracestate.length <= MAX_TRACESTATE ? tracestate : '';
  return state === '' ? { traceparent } : { traceparent, tracestate: state };
}

/** The root when there is nothing to read, or no SDK that reads it. */
export function contextFrom(carrier: object | undefined): Context {
  const fields = carrier as Readonly<Record<string, unknown>> | undefined;
  return fields?.['traceparent'] === undefined
    ? ROOT_CONTEXT
    : propagation.extract(ROOT_CONTEXT, fields, getter);
}

/** What to send along; empty without an SDK. */
export function carrierOf(context: Context): Partial<TraceContext> {
  const carrier: Record<string, string> = {};
  propagation.inject(context, carrier, setter);
  return carrier;
}
