import type { LanguageModelV3GenerateResult } from '@ai-sdk/provider';
import { SpanKind, trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { MockLanguageModelV3 } from 'ai/test';
import { afterEach, expect, it } from 'vitest';
import { askModel } from './ask-model.ts';

const spans = new InMemorySpanExporter();
afterEach(() => {
  trace.disable();
  spans.reset();
});

const answer: LanguageModelV3GenerateResult = {
  content: [{ type: 'text', text: '"a secret answer"' }],
  finishReason: { unified: 'stop', raw: 'stop' },
  usage: {
    inputTokens: { total: 7, noCache: 7, cacheRead: 0, cacheWrite: 0 },
    outputTokens: { total: 3, text: 3, reasoning: 0 },
  },
  warnings: [],
};

const ask = (doGenerate: () => Promise<LanguageModelV3GenerateResult>) =>
  askModel({
    model: new MockLanguageModelV3({ provider: 'test', modelId: 'tiny', doGenerate }),
    system: 'a secret system',
    messages: [{ role: 'user', content: 'a secret question' }],
    schema: { type: 'string' },
    tools: [],
    maxOutputTokens: 20,
    signal: new AbortController().signal,
  });

it('a call is a span with model and tokens, and without a word of what was said', async () => {
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }),
  );
  await ask(async () => answer);
  await expect(
    ask(async () => {
      throw new Error('a secret fault');
    }),
  ).rejects.toThrow('a secret fault');
  const [done, failed] = spans.getFinishedSpans();
  expect(done).toMatchObject({
    name: 'chat test/tiny',
    kind: SpanKind.CLIENT,
    attributes: { 'gen_ai.usage.input_tokens': 7, 'gen_ai.usage.output_tokens': 3 },
  });
  expect(failed).toMatchObject({ status: { code: 2 }, attributes: { 'error.type': 'model-unavailable' } });
  const told = [done, failed].map((span) => [span?.name, span?.attributes, span?.status, span?.events]);
  expect(JSON.stringify(told)).not.toContain('secret');
});
