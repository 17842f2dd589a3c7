import { createBroker } from '@shoal/broker';
import { openLink, readRetained, type Logger } from '@shoal/mqtt-link';
import { validateReasoningRecord } from '@shoal/protocol';
import { afterEach, expect, it } from 'vitest';
import { startChatServer, type ChatAnswer, type ChatRequest } from '../testing/open-ai-server.ts';
import type { ReasoningTask } from '../types.ts';
import { createReasoner } from './create-reasoner.ts';
import { allowTools } from '../core/gates.ts';
import { retainedLedger } from './ledger.ts';
import { retainedRecords } from './records.ts';

/** If this is found anywhere but in the request to the server, a key has leaked. */
const CANARY = 'canary-7f3a/9b+key=0d4e';
const ENV = { MODEL_KEY: CANARY };

const task: ReasoningTask<{ title: string }> = {
  purpose: 'work-order-text',
  instructions: 'Write a title for the work order.',
  data: { verdict: 'inner-race' },
  schema: {
    type: 'object',
    properties: { title: { type: 'string', minLength: 1, maxLength: 200 } },
    required: ['title'],
    additionalProperties: false,
  },
  rules: () => ({ title: 'Replace the bearing' }),
};

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const one of cleanUp.splice(0).toReversed()) await one();
});

function lines(): { readonly logger: Logger; readonly text: () => string } {
  const written: unknown[] = [];
  const note = (message: string, fields?: object): void => void written.push([message, fields]);
  return {
    logger: { debug: note, info: note, warn: note, error: note },
    text: () => JSON.stringify(written),
  };
}

async function serve(answer: (request: ChatRequest, index: number) => ChatAnswer) {
  const server = await startChatServer(answer);
  cleanUp.push(() => server.close());
  return server;
}

function configOf(baseUrl: string, more: object = {}): object {
  return {
    kind: 'openai-compatible',
    baseUrl,
    model: 'small',
    apiKeyEnv: 'MODEL_KEY',
    timeoutMs: 30_000,
    ...more,
  };
}

it('asks an OpenAI-compatible server with key, schema and fenced data, and counts its tokens', async () => {
  const server = await serve(() => ({ content: '{"title":"Replace bearing 6205"}' }));
  const reasoner = await createReasoner(configOf(server.baseUrl), { agentId: 'a', env: ENV });
  const { output, record } = await reasoner.decide(task);
  expect(output).toEqual({ title: 'Replace bearing 6205' });
  expect(record).toMatchObject({
    model: 'openai-compatible.chat/small',
    inputTokens: 100,
    outputTokens: 20,
    calls: 1,
  });
  const [{ body, authorization }] = server.requests as [ChatRequest];
  expect(authorization).toBe(`Bearer ${CANARY}`);
  expect(body.response_format?.json_schema?.schema).toMatchObject({ required: ['title'] });
  expect(JSON.stringify(body.messages)).toMatch(/<data [0-9a-f]{32} .+inner-race/);
});

it('a server that is down, refuses or talks nonsense leaves the decision to the rules', async () => {
  const server = await serve((_, index) =>
    index === 0
      ? { status: 400, content: { error: { message: 'no such model' } } }
      : { content: { choices: 'none' } },
  );
  const reasoner = await createReasoner(configOf(server.baseUrl), { agentId: 'a', env: ENV });
  const refused = await reasoner.decide(task);
  expect(refused.fallback).toEqual({ code: 'model-unavailable', message: 'HTTP 400: no such model' });
  expect(refused.record).toMatchObject({ inputTokens: 0, decision: { title: 'Replace the bearing' } });
  expect((await reasoner.decide(task)).fallback?.code).toBe('model-unavailable');
  await server.close();
  expect((await reasoner.decide(task)).fallback?.code).toBe('model-unavailable');
});

it('no key reaches a record, a log, an error, a tool or a decision, whatever the server echoes', async () => {
  const encoded = Buffer.from(CANARY).toString('base64');
  const server = await serve(({ authorization = '' }, index): ChatAnswer => {
    const key = authorization.replace('Bearer ', '');
    if (index === 0)
      return { toolCalls: [{ name: 'note', args: JSON.stringify({ text: `my key is ${key}` }) }] };
    if (index === 1)
      return { content: JSON.stringify({ title: `Use ${key} or ${encoded} or ${encodeURIComponent(key)}` }) };
    if (index === 2) return { content: `not JSON: ${key}` };
    if (index === 3) return { content: JSON.stringify({ [key]: key, title: '' }) };
    return { status: 401, content: { error: { message: `Incorrect API key provided: ${key}` } } };
  });
  const broker = createBroker({ allowAnonymous: true });
  const { url } = (await broker.start()).tcp!;
  cleanUp.push(() => broker.stop());
  const link = await openLink({ url, clientId: 'acme/plant-1/a' });
  cleanUp.push(() => link.close());
  const watcher = await openLink({ url, clientId: 'acme/plant-1/watcher' });
  cleanUp.push(() => watcher.close());
  const published: string[] = [];
  await watcher.subscribe('#', (message) => void published.push(`${message.topic} ${message.text()}`));
  const log = lines();
  const toTool: unknown[] = [];
  const unit = { link, org: 'acme', unit: 'plant-1' };
  const reasoner = await createReasoner(
    configOf(server.baseUrl, { budgets: { session: { tokens: 100_000 } } }),
    {
      agentId: 'a',
      env: ENV,
      logger: log.logger,
      records: retainedRecords(unit),
      ledger: retainedLedger({ ...unit, agentId: 'a' }),
      gate: allowTools(['note']),
    },
  );
  const note = {
    name: 'note',
    description: 'Takes a note.',
    inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
    call: async (args: object) => void toTool.push(args),
  };
  const inSession = { ...task, sessionId: 's1', tools: [note] };
  const decisions: unknown[] = [await reasoner.decide(inSession), await reasoner.decide(inSession)];
  decisions.push(await reasoner.decide(inSession));
  const failing = await createReasoner(configOf(server.baseUrl, { fallback: 'fail' }), {
    agentId: 'a',
    env: ENV,
  });
  const error: unknown = await failing.decide(task).catch((thrown: unknown) => thrown);
  await expect.poll(() => published.filter((line) => line.includes('/reasoning/')).length).toBe(3);
  expect(server.requests.length).toBeGreaterThanOrEqual(6);
  expect(error).toMatchObject({ code: 'model-unavailable' });
  const said = JSON.stringify([published, decisions, toTool, log.text(), inspect(error), reasoner.model]);
  for (const form of [CANARY, JSON.stringify(CANARY).slice(1, -1), encoded, encodeURIComponent(CANARY)])
    expect(said).not.toContain(form);
  expect(said).toContain('[redacted]');
});

function inspect(error: unknown): unknown {
  const { message, stack, cause } = error as Error;
  return { message, stack, cause, all: { ...(error as object) } };
}

it('what is retained is a valid record, with an expiry, and the oldest is cleared', async () => {
  const broker = createBroker({ allowAnonymous: true });
  const { url } = (await broker.start()).tcp!;
  cleanUp.push(() => broker.stop());
  const link = await openLink({ url, clientId: 'acme/plant-1/a' });
  cleanUp.push(() => link.close());
  const records = retainedRecords({ link, org: 'acme', unit: 'plant-1', keep: 2 });
  const reasoner = await createReasoner({ kind: 'rules' }, { agentId: 'a', records });
  for (let i = 0; i < 3; i++) await reasoner.decide(task);
  const kept = [...(await readRetained(link, 'shoal/v1/acme/plant-1/agent/a/reasoning/+')).values()];
  expect(kept).toHaveLength(2);
  for (const message of kept) {
    expect(validateReasoningRecord(JSON.parse(message.text()))).toMatchObject({ ok: true });
    expect(message.messageExpirySeconds).toBeGreaterThan(0);
  }
});

it('a record that cannot be written does not undo the decision', async () => {
  const log = lines();
  const records = { write: () => Promise.reject(new Error('the broker is away')) };
  const reasoner = await createReasoner({ kind: 'rules' }, { agentId: 'a', records, logger: log.logger });
  expect((await reasoner.decide(task)).by).toBe('rules');
  expect(log.text()).toContain('the broker is away');
});

it.each([
  [{}, /MODEL_KEY that apiKeyEnv names is not set/],
  [{ MODEL_KEY: 'short' }, /fewer than 8 characters/],
])('a key that cannot be used is refused by the name of its variable', async (env, message) => {
  await expect(createReasoner(configOf('http://127.0.0.1:1/v1'), { agentId: 'a', env })).rejects.toThrow(
    message,
  );
});
