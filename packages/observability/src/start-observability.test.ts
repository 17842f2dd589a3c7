import { readFileSync } from 'node:fs';
import { meterOf, startSpan, endSpan, traceFields, within, flushTelemetry } from '@shoal/mqtt-link/tracing';
import { afterEach, describe, expect, it } from 'vitest';
import { startObservability, type Observability } from './index.ts';
import { startCollector } from './testing/index.ts';

const running: Observability[] = [];
afterEach(async () => {
  for (const each of running.splice(0)) await each.shutdown();
});

async function start(env: NodeJS.ProcessEnv): Promise<Observability> {
  const started = await startObservability({ serviceName: 'test', env });
  if (started === undefined) throw new Error('nothing was started');
  running.push(started);
  return started;
}

describe('what the variables of OpenTelemetry ask for', () => {
  it('is nothing when there are none: no SDK, no span, no id in the log', async () => {
    for (const env of [
      {},
      { OTEL_EXPORTER_OTLP_ENDPOINT: '' },
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_SDK_DISABLED: 'true' },
      { OTEL_SERVICE_NAME: 'x' },
    ])
      expect(await startObservability({ env })).toBeUndefined();
    expect(startSpan('test', 'work')).toBeUndefined();
    expect(meterOf('test')).toBeUndefined();
    expect(traceFields()).toEqual({});
    await flushTelemetry();
  });

  it.each([
    [{ OTEL_TRACES_EXPORTER: 'zipkin' }, 'OTEL_TRACES_EXPORTER must be otlp or none, is "zipkin"'],
    [{ OTEL_METRICS_EXPORTER: 'prometheus', OTEL_EXPORTER_PROMETHEUS_PORT: 'x' }, 'PORT must be from 0'],
  ])('%j is refused by name', async (env, message) => {
    await expect(startObservability({ env })).rejects.toThrow(message);
  });

  it('is a Prometheus endpoint of its own', async () => {
    const env = { OTEL_METRICS_EXPORTER: 'prometheus', OTEL_EXPORTER_PROMETHEUS_PORT: '0' };
    const { metricsUrl = '' } = await start(env);
    meterOf('test')?.createCounter('shoal.test.things').add(2, { kind: 'x' });
    const text = await (await fetch(metricsUrl)).text();
    expect(text).toMatch(/^shoal_test_things_total\{kind="x".*\} 2$/m);
    expect((await fetch(new URL('/', metricsUrl))).status).toBe(404);
    // A second start of the same process is the first.
    expect((await startObservability({ env }))?.metricsUrl).toBe(metricsUrl);
  });

  it('spans reach a collector before the process that made them may exit', async () => {
    const collector = await startCollector();
    process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = collector.url;
    try {
      await start(process.env);
      const outer = startSpan('test', 'outer', { kind: 'server', attributes: { size: 3 } });
      const fields = within(outer, () => {
        endSpan(startSpan('test', 'inner'), 'some-code');
        return traceFields();
      });
      endSpan(outer);
      await flushTelemetry();
      const [inner, seen] = collector.spans;
      expect(inner).toMatchObject({ name: 'inner', failed: true, parentSpanId: seen?.spanId });
      expect(seen).toMatchObject({
        service: 'test',
        pid: process.pid,
        kind: 'server',
        attributes: { size: 3 },
      });
      expect(fields).toEqual({ trace_id: seen?.traceId, span_id: seen?.spanId });
    } finally {
      delete process.env['OTEL_EXPORTER_OTLP_ENDPOINT'];
      await collector.stop();
    }
  });
});

it('the example of the README is the file in examples/', () => {
  const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
  expect(read('../README.md')).toContain(read('../examples/observed.ts').trim());
});
