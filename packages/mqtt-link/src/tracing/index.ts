export { meterOf } from './meters.ts';
export { addLink, endSpan, flushTelemetry, startSpan, tracerOf, within } from './spans.ts';
export type { SpanStart, StartedSpan } from './spans.ts';
export { carrierOf, contextFrom, isTraceContext, traceContextOf } from './trace-context.ts';
export type { TraceContext } from './trace-context.ts';
export { traceFields, withTraceIds } from './trace-ids.ts';
