import { endSpan, meterOf, startSpan, traceContextOf, within } from '@shoal/mqtt-link/tracing';
import type { StartedSpan } from '@shoal/mqtt-link/tracing';
import type { RequestHandler, Response } from 'express';

const NAME = '@shoal/gateway';

/**
 * A SERVER span for each request, a child of its `traceparent` header, and the metrics of OpenTelemetry's conventions for HTTP servers.
 * Paths name agents and tasks, so the span's name is the route and no path is a label of a metric.
 */
export function observeHttp(): RequestHandler {
  const meter = meterOf(NAME);
  const duration = meter?.createHistogram('http.server.request.duration', {
    unit: 's',
    description: 'Requests over HTTP, streams to their end.',
    advice: { explicitBucketBoundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600] },
  });
  const active = meter?.createUpDownCounter('http.server.active_requests', {
    description: 'Requests that are being answered, streams among them.',
  });
  return (request, response, next) => {
    const startedAtMs = performance.now();
    const { method, headers } = request;
    const route = request.path.startsWith('/agents') || request.path === '/healthz' ? request.path : 'agent';
    const span = startSpan(NAME, `${method} ${route}`, {
      kind: 'server',
      attributes: { 'http.request.method': method, 'http.route': route },
      parent: { ...traceContextOf(headers) },
    });
    if (span === undefined && meter === undefined) return next();
    response.locals[SPAN] = span;
    active?.add(1, { 'http.request.method': method });
    response.on('close', () => {
      const { statusCode } = response;
      const status = { 'http.request.method': method, 'http.response.status_code': statusCode };
      active?.add(-1, { 'http.request.method': method });
      duration?.record((performance.now() - startedAtMs) / 1000, status);
      span?.span.setAttribute('http.response.status_code', statusCode);
      endSpan(span, statusCode >= 500 ? String(statusCode) : undefined);
    });
    return within(span, next);
  };
}

const SPAN = 'span';

/** Of the request that this answers. */
export function spanOf(response: Response): StartedSpan | undefined {
  return response.locals[SPAN] as StartedSpan | undefined;
}

/** For log lines that are written when the request is over. */
export function traceIdOf(response: Response): { readonly trace_id?: string } {
  const span = spanOf(response);
  return span === undefined ? {} : { trace_id: span.span.spanContext().traceId };
}
