import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, metrics, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  type Resource,
} from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { ObservabilitySettings } from './settings.ts';
import type { Observability } from './start-observability.ts';

const SHUTDOWN_MS = 5_000;

interface Part {
  shutdown(): Promise<void>;
}

/** Loaded only when something is exported. */
export async function startSdk(settings: ObservabilitySettings, onStop: () => void): Promise<Observability> {
  const resource = defaultResource()
    .merge(resourceFromAttributes({ 'service.name': settings.serviceName, 'process.pid': process.pid }))
    .merge(detectResources({ detectors: [envDetector] }));
  const parts: Part[] = [];
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  if (settings.traces === 'otlp') parts.push(startTraces(resource));
  const metricsUrl = settings.metrics === 'none' ? undefined : await startMetrics(settings, resource, parts);
  let stopping: Promise<void> | undefined;
  return {
    settings,
    metricsUrl,
    shutdown: () => (stopping ??= stopAll(parts).finally(onStop)),
  };
}

function startTraces(resource: Resource): Part {
  const provider = new BasicTracerProvider({
    resource,
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  trace.setGlobalTracerProvider(provider);
  return provider;
}

async function startMetrics(
  { metrics: kind, prometheus }: ObservabilitySettings,
  resource: Resource,
  parts: Part[],
): Promise<string | undefined> {
  if (kind === 'otlp') {
    const reader = new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter() });
    parts.push(register(new MeterProvider({ resource, readers: [reader] })));
    return undefined;
  }
  const exporter = new PrometheusExporter({ preventServerStart: true });
  parts.push(register(new MeterProvider({ resource, readers: [exporter] })));
  const server = createServer((request, response) => {
    if (request.url?.split('?', 1)[0] === '/metrics')
      return exporter.getMetricsRequestHandler(request, response);
    response.writeHead(404).end();
  });
  // It keeps no process running that has nothing else to do.
  server.unref();
  try {
    await once(server.listen(prometheus.port, prometheus.host), 'listening');
  } catch (error) {
    // Telemetry never keeps a program from doing its work.
    process.emitWarning(`no metrics on ${prometheus.host}:${prometheus.port}: ${String(error)}`);
    return undefined;
  }
  parts.push({ shutdown: () => new Promise((resolve) => server.close(() => resolve())) });
  const { port } = server.address() as AddressInfo;
  const { host } = prometheus;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}/metrics`;
}

function register(provider: MeterProvider): Part {
  metrics.setGlobalMeterProvider(provider);
  return provider;
}

async function stopAll(parts: readonly Part[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, SHUTDOWN_MS)));
  await Promise.race([Promise.allSettled(parts.map((part) => part.shutdown())), late]);
  clearTimeout(timer);
  for (const api of [trace, metrics, propagation, context]) api.disable();
}
