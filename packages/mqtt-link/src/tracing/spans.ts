/** Spans through the OpenTelemetry API. The application brings the SDK; without one nothing here makes an object. */
import type { Attributes, Context, Link, Span, Tracer } from '@opentelemetry/api';
import { ProxyTracerProvider, SpanKind, SpanStatusCode, context, metrics, trace } from '@opentelemetry/api';
import { carrierOf, contextFrom, traceContextOf, type TraceContext } from './trace-context.ts';

/** Of the library `name`; undefined without an SDK. */
export function tracerOf(name: string): Tracer | undefined {
  const provider = trace.getTracerProvider();
  return provider instanceof ProxyTracerProvider
    ? provider.getDelegateTracer(name)
    : provider.getTracer(name);
}

const KINDS = {
  internal: SpanKind.INTERNAL,
  client: SpanKind.CLIENT,
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

export interface SpanStart {
  /** Default `internal`. */
  readonly kind?: keyof typeof KINDS;
  readonly attributes?: Attributes;
  /** Whose child it is: a context, or what came with a message or a record. Default: the active context. */
  readonly parent?: Context | Partial<TraceContext> | undefined;
  /** Other spans that it follows from. What is undefined or unreadable is left out. */
  readonly links?: readonly (TraceContext | undefined)[];
  /** Milliseconds since the epoch. Default: now. */
  readonly startTimeMs?: number;
}

export interface StartedSpan {
  readonly span: Span;
  /** In which the span is the active one. */
  readonly context: Context;
  /** For messages and records: who reads it makes children of the span. */
  readonly carrier: TraceContext | undefined;
}

/** Undefined without an SDK. Whoever starts a span ends it. */
export function startSpan(library: string, name: string, start: SpanStart = {}): StartedSpan | undefined {
  const tracer = tracerOf(library);
  if (tracer === undefined) return undefined;
  const { kind, attributes, parent, links = [], startTimeMs } = start;
  const from = contextOf(parent);
  const span = tracer.startSpan(
    name,
    {
      ...(kind === undefined ? {} : { kind: KINDS[kind] }),
      ...(attributes === undefined ? {} : { attributes }),
      ...(startTimeMs === undefined ? {} : { startTime: startTimeMs }),
      links: links.flatMap(linkTo),
    },
    from,
  );
  const within = trace.setSpan(from, span);
  return { span, context: within, carrier: traceContextOf({ ...carrierOf(within) }) };
}

/** `failure` is a code of the error, never its text. */
export function endSpan(started: StartedSpan | undefined, failure?: string): void {
  if (started === undefined) return;
  const { span } = started;
  if (failure !== undefined) {
    span.setAttribute('error.type', failure);
    span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
  }
  span.end();
}

/** Runs `work` with the span active: what it starts is a child, and its log lines have the ids. */
export function within<T>(started: StartedSpan | undefined, work: () => T): T {
  return started === undefined ? work() : context.with(started.context, work);
}

/** Another span that this one follows from, known only after it was started. */
export function addLink(started: StartedSpan | undefined, carrier: TraceContext | undefined): void {
  for (const link of linkTo(carrier)) started?.span.addLink(link);
}

function contextOf(parent: SpanStart['parent']): Context {
  if (parent === undefined) return context.active();
  return isContext(parent) ? parent : contextFrom(parent);
}

function isContext(parent: Context | Partial<TraceContext>): parent is Context {
  return typeof (parent as Partial<Context>).getValue === 'function';
}

function linkTo(carrier: TraceContext | undefined): Link[] {
  const linked = carrier === undefined ? undefined : trace.getSpanContext(contextFrom(carrier));
  return linked === undefined ? [] : [{ context: linked }];
}

/**
 * Sends what the SDK still holds, for a process that is about to exit. Resolves when it was sent, when that failed, or after `withinMs`:
 * telemetry never keeps a program from ending.
 */
export async function flushTelemetry(withinMs = 2_000): Promise<void> {
  const tracing = trace.getTracerProvider();
  const delegate = tracing instanceof ProxyTracerProvider ? tracing.getDelegate() : tracing;
  const flushes = [delegate, metrics.getMeterProvider()].flatMap((provider) => {
    const { forceFlush } = provider as { forceFlush?: () => Promise<void> };
    return typeof forceFlush === 'function' ? [forceFlush.call(provider)] : [];
  });
  if (flushes.length === 0) return;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, withinMs)));
  await Promise.race([Promise.allSettled(flushes), late]);
  clearTimeout(timer);
}
