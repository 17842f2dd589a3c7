import { createBroker, type Broker } from '@shoal/broker';
import { openLink, readRetained, silentLogger, type Link } from '@shoal/mqtt-link';
import type { ReasonerConfig } from '@shoal/reasoner';
import { defineBlueprint, type StepContext } from '@shoal/workflow';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { annotated } from './annotated.ts';
import type { ReasonerSetup } from './open-reasoner.ts';

const ORDER = { workOrderId: 'WO-1', action: 'Replace the drive-end bearing' };
const blueprint = defineBlueprint({
  id: 'fleet-coordinator',
  description: 'Writes the work order.',
  run: async () => ({
    output: ORDER,
    summary: 'work order WO-1 written',
    artifacts: [{ artifactId: 'WO-1', parts: [{ data: ORDER }] }],
  }),
});

let broker: Broker;
let link: Link;
let server: Server;
let baseUrl: string;
/** Undefined: it never comes. */
let answer: string | undefined = '{"text":"Bring bearing 6205."}';

beforeAll(async () => {
  broker = createBroker({ allowAnonymous: true });
  link = await openLink({ url: (await broker.start()).tcp!.url, clientId: 'acme/plant-1/s1.work-order' });
  server = createServer((request, response) => {
    request.resume().on('end', () => {
      if (answer === undefined) return;
      const message = { role: 'assistant', content: answer };
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          id: 'c',
          created: 1,
          model: 'small',
          choices: [{ index: 0, message, finish_reason: 'stop' }],
          usage: { prompt_tokens: 200, completion_tokens: 20 },
        }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await link.close();
  await broker.stop();
});

function contextOf(sessionId: string): StepContext {
  return {
    org: 'acme',
    unit: 'plant-1',
    sessionId,
    stepId: 'work-order',
    attempt: 1,
    signal: new AbortController().signal,
    link,
    logger: silentLogger,
  } as StepContext;
}

function model(more: object = {}): ReasonerSetup {
  const config = { kind: 'openai-compatible', baseUrl, model: 'small', repairs: 0, ...more };
  return { config: config as ReasonerConfig, llamaModule: null };
}

it('without a model the step is what it was', () => {
  expect(annotated(blueprint, null, 'Write a note.')).toBe(blueprint);
});

it('a model adds a note and changes nothing else; the decision is on record', async () => {
  const plain = await blueprint.run(contextOf('s1'));
  const result = await annotated(blueprint, model(), 'Write a note.').run(contextOf('s1'));
  expect(result).toMatchObject({ output: ORDER, summary: 'work order WO-1 written' });
  expect(result.artifacts?.slice(0, -1)).toEqual(plain.artifacts);
  expect(result.artifacts?.at(-1)).toMatchObject({
    name: 'note',
    description: 'Written by openai-compatible.chat/small from the result.',
    parts: [{ text: 'Bring bearing 6205.' }],
  });
  const records = await readRetained(link, 'shoal/v1/acme/plant-1/agent/s1.work-order/reasoning/+');
  expect([...records.values()].map((message) => JSON.parse(message.text()) as unknown)).toMatchObject([
    { purpose: 'work-order-note', decidedBy: 'model', sessionId: 's1', inputTokens: 200 },
  ]);
});

it('a model that talks nonsense leaves the summary as the note, and it says why', async () => {
  answer = 'I would rather not.';
  const result = await annotated(blueprint, model(), 'Write a note.').run(contextOf('s2'));
  expect(result.artifacts?.at(-1)).toMatchObject({
    description: expect.stringMatching(/^Written by rules from the result\. invalid-output/) as string,
    parts: [{ text: 'work order WO-1 written' }],
  });
});

it('a model that is too slow leaves the summary as the note, in time', async () => {
  answer = undefined;
  const result = await annotated(blueprint, model({ timeoutMs: 50 }), 'Write a note.').run(contextOf('s4'));
  expect(result.artifacts?.at(-1)).toMatchObject({
    description: expect.stringMatching(/^Written by rules from the result\. timed-out/) as string,
    parts: [{ text: 'work order WO-1 written' }],
  });
});

it('a session whose budget is used up fails the step with a code of its own', async () => {
  const config = model({ budgets: { session: { tokens: 100 } } });
  await expect(annotated(blueprint, config, 'Write a note.').run(contextOf('s3'))).rejects.toMatchObject({
    code: 'BUDGET_EXHAUSTED',
  });
});
