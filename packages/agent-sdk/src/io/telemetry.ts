/** Spans and metrics through the OpenTelemetry API. The application brings the SDK; without one nothing here makes an object. */
import type { UserProperties } from '@shoal/mqtt-link';
import { normalizeTaskId } from '@shoal/protocol';
import type { MethodName, TaskState } from '@shoal/protocol';
import type { Attributes, Context, Span } from '@opentelemetry/api';
import { SpanKind, SpanStatusCode, context, trace } from '@opentelemetry/api';
import { carrierOf, contextFrom, tracerOf } from '@shoal/mqtt-link/tracing';
import { metersOf } from './meters.ts';

const NAME = '@shoal/agent-sdk';

/** W3C Trace Context in MQTT 5 user properties, by the names of the W3C's MQTT draft. */
export interface TraceParent {
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
}

export interface CallTelemetry {
  /** To send with the request. */
  readonly properties: UserProperties;
  attempt(topic: string): void;
  failed(code: string): void;
  end(): void;
}

/** One call of a requester, from its start to its end, all attempts included. Undefined when nobody listens. */
export function startCall(
  method: MethodName,
  taskId: string | undefined,
  parent: Context | undefined,
): CallTelemetry | undefined {
  const spans = tracerOf(NAME);
  const meters = metersOf();
  if (spans === undefined && meters === undefined) return undefined;
  const startedAtMs = performance.now();
  const span = spans?.startSpan(
    method,
    { kind: SpanKind.CLIENT, attributes: { ...attributesOf(method, taskId) } },
    parent,
  );
  const properties: UserProperties =
    span === undefined ? {} : { ...carrierOf(trace.setSpan(parent ?? context.active(), span)) };
  let attempts = 0;
  let failure: string | undefined;
  let ended = false;
  return {
    properties,
    attempt(topic) {
      attempts += 1;
      span?.setAttribute('messaging.destination.name', topic);
      if (attempts === 1) return;
      span?.addEvent('attempt', { 'a2a.attempt': attempts });
      meters?.retries.add(1, { 'a2a.method': method });
    },
    failed(code) {
      failure ??= code;
    },
    end() {
      if (ended) return;
      ended = true;
      const outcome: Attributes = {
        'a2a.method': method,
        ...(failure === undefined ? {} : { 'error.type': failure }),
      };
      meters?.callDuration.record((performance.now() - startedAtMs) / 1000, outcome);
      if (span === undefined) return;
      if (failure !== undefined) {
        span.setAttribute('error.type', failure);
        span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
      }
      span.end();
    },
  };
}

export interface TaskTelemetry {
  /** The span of the run is active in it: what the handler calls belongs to the same trace. */
  readonly context: Context;
  /** The handler begins; before that the task waited in line. */
  started(): void;
  end(state: TaskState | 'handed-back'): void;
}

/** One run of a task at a responder, from when it was taken to when it came to rest. Undefined when nobody listens. */
export function startTask(
  method: MethodName,
  taskId: string,
  parent: TraceParent | undefined,
): TaskTelemetry | undefined {
  const spans = tracerOf(NAME);
  const meters = metersOf();
  if (spans === undefined && meters === undefined) return undefined;
  const startedAtMs = performance.now();
  const from = contextFrom(parent);
  const attributes = attributesOf(method, taskId);
  const span = spans?.startSpan(method, { kind: SpanKind.SERVER, attributes }, from);
  meters?.activeTasks.add(1);
  return {
    context: span === undefined ? from : trace.setSpan(from, span),
    started: () => void span?.addEvent('started'),
    end(state) {
      meters?.activeTasks.add(-1);
      meters?.taskDuration.record((performance.now() - startedAtMs) / 1000, { 'a2a.task.state': state });
      span?.setAttribute('a2a.task.state', state);
      if (state === 'TASK_STATE_FAILED') span?.setStatus({ code: SpanStatusCode.ERROR, message: state });
      span?.end();
    },
  };
}

/** A request that starts no run: GetTask and its like. */
export function startRequest(
  method: MethodName,
  parent: TraceParent | undefined,
): { end(failed: boolean): void } | undefined {
  const span = tracerOf(NAME)?.startSpan(
    method,
    { kind: SpanKind.SERVER, attributes: attributesOf(method, undefined) },
    contextFrom(parent),
  );
  return span && { end: (failed) => endSpan(span, failed) };
}

function endSpan(span: Span, failed: boolean): void {
  if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

function attributesOf(method: MethodName, taskId: string | undefined): Attributes {
  return {
    'messaging.system': 'mqtt',
    'a2a.method': method,
    ...(taskId === undefined ? {} : { 'a2a.task.id': normalizeTaskId(taskId) }),
  };
}
