import { SpanKind, context, metrics, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { createBroker } from '@shoal/broker';
import type { InboundMessage, Link } from '@shoal/mqtt-link';
import { openLink } from '@shoal/mqtt-link';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Agent, AgentOptions, Requester } from './index.ts';
import { createAgent, createRequester } from './index.ts';

let url: string;
let link: Link;
let requester: Requester;
let stopBroker: () => Promise<void>;
const agents: Agent[] = [];
const requests: InboundMessage[] = [];

beforeAll(async () => {
  const broker = createBroker({ allowAnonymous: true });
  const { tcp } = await broker.start();
  url = tcp!.url;
  stopBroker = () => broker.stop();
  link = await openLink({ url, clientId: 'acme/plant/me' });
  requester = createRequester({ link, address: { org: 'acme', unit: 'plant', agentId: 'me' } });
  await link.subscribe('$a2a/v1/request/#', (message) => void requests.push(message));
});
afterAll(async () => {
  await Promise.all(agents.map((agent) => agent.stop()));
  await link.close();
  await stopBroker();
});

async function agent(agentId: string, handle: AgentOptions['handle']): Promise<Agent> {
  const made = createAgent({
    url,
    org: 'acme',
    unit: 'plant',
    agentId,
    card: { name: agentId, description: 'Observed.' },
    ...(handle === undefined ? {} : { handle }),
  });
  agents.push(made);
  await made.start();
  return made;
}

describe('without an SDK', () => {
  it('nothing of a trace is sent', async () => {
    const echo = await agent('quiet', () => 'x');
    await requester.send(echo.address, 'hello');
    expect(Object.keys(requests.at(-1)!.userProperties)).toEqual(['a2a-version']);
  });
});

describe('with an SDK', () => {
  const spans = new InMemorySpanExporter();
  const measured = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: measured, exportIntervalMillis: 3_600_000 });
  const tracing = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  const metering = new MeterProvider({ readers: [reader] });
  beforeAll(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    trace.setGlobalTracerProvider(tracing);
    metrics.setGlobalMeterProvider(metering);
  });
  afterAll(async () => {
    for (const api of [trace, metrics, propagation, context]) api.disable();
    await metering.shutdown();
    await tracing.shutdown();
  });
  afterEach(() => spans.reset());

  const named = (kind: SpanKind): ReadableSpan[] =>
    spans.getFinishedSpans().filter((span) => span.kind === kind);
  const { CLIENT, SERVER } = SpanKind;

  it('a call, the run it starts and the call that the run makes are one trace', async () => {
    const inner = await agent('inner', () => 'deep');
    const outer = await agent('outer', async (task) => {
      await Promise.resolve();
      await task.requester.send(inner.address, 'nested');
      return 'done';
    });
    await requester.send(outer.address, 'hello');
    const [all] = [spans.getFinishedSpans()];
    expect(new Set(all.map((span) => span.spanContext().traceId)).size).toBe(1);
    const chain = ['outer call', 'outer run', 'inner call', 'inner run'];
    const ids = all.map((span) => span.spanContext().spanId);
    const root = all.find((span) => span.parentSpanContext === undefined)!;
    const links = [root];
    while (links.length < chain.length)
      links.push(all.find((span) => span.parentSpanContext?.spanId === links.at(-1)!.spanContext().spanId)!);
    expect(links.map(({ kind }) => kind)).toEqual([CLIENT, SERVER, CLIENT, SERVER]);
    expect(links.map(({ name }) => name)).toEqual(Array.from(chain, () => 'SendMessage'));
    expect(ids).toHaveLength(4);
    expect(root.attributes).toMatchObject({ 'messaging.system': 'mqtt', 'a2a.method': 'SendMessage' });
    expect(requests.at(-1)!.userProperties['traceparent']).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-01$/);
  });

  it('without a context manager, as in a browser, the context of the task is handed on', async () => {
    context.disable();
    try {
      const inner = await agent('inner-2', () => 'deep');
      const outer = await agent('outer-2', async (task) => {
        await Promise.resolve();
        await task.requester.send(inner.address, 'nested', { traceContext: task.traceContext });
        return 'done';
      });
      await requester.send(outer.address, 'hello');
      expect(new Set(spans.getFinishedSpans().map((span) => span.spanContext().traceId)).size).toBe(1);
      expect(spans.getFinishedSpans()).toHaveLength(4);
    } finally {
      context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    }
  });

  it('a failed run and a failed call say so; a stream is one span', async () => {
    const broken = await agent('broken', () => {
      throw new Error('no');
    });
    for await (const item of requester.stream(broken.address, 'x')) void item;
    expect(named(SERVER)[0]).toMatchObject({
      status: { code: 2 },
      attributes: { 'a2a.task.state': 'TASK_STATE_FAILED' },
    });
    expect(named(CLIENT)[0]).toMatchObject({ name: 'SendStreamingMessage', status: { code: 0 } });
    await expect(requester.getTask(broken.address, { id: crypto.randomUUID() })).rejects.toThrow(/not known/);
    expect(named(CLIENT).at(-1)).toMatchObject({
      name: 'GetTask',
      status: { code: 2, message: 'task-not-found' },
      attributes: { 'error.type': 'task-not-found' },
    });
    expect(named(SERVER).at(-1)).toMatchObject({ name: 'GetTask' });
    const nobody = { org: 'acme', unit: 'plant', agentId: 'nobody' };
    const fast = createRequester({
      link,
      address: { org: 'acme', unit: 'plant', agentId: 'me' },
      retry: { backoffMs: [1], firstReplyTimeoutMs: 5, maxAttempts: 2 },
    });
    await expect(fast.send(nobody, 'x')).rejects.toThrow(/no reply|nobody/);
    const last = named(CLIENT).at(-1)!;
    expect(last.status.code).toBe(2);
    expect(last.events.map(({ name }) => name)).toEqual(['attempt']);
    await fast.close();
  });

  it('calls, retries and runs are counted and timed', async () => {
    await reader.forceFlush();
    const points = new Map(
      measured
        .getMetrics()
        .at(-1)!
        .scopeMetrics.flatMap(({ metrics }) => metrics)
        .map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints]),
    );
    expect([...points.keys()].sort()).toEqual([
      'a2a.client.call.duration',
      'a2a.client.retries',
      'a2a.server.task.duration',
      'a2a.server.tasks.active',
    ]);
    const failed = points
      .get('a2a.client.call.duration')!
      .find(({ attributes }) => attributes['error.type'] === 'task-not-found');
    expect(failed).toMatchObject({ attributes: { 'a2a.method': 'GetTask' }, value: { count: 1 } });
    expect(points.get('a2a.server.tasks.active')![0]!.value).toBe(0);
    expect(points.get('a2a.client.retries')![0]!.value).toBe(1);
  });
});
