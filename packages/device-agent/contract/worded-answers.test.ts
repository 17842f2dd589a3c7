/** A question in words that a model answers, and a model that tries everything that it is offered and more. */
import { createRequester } from '@shoal/agent-sdk';
import { createBroker, type Broker } from '@shoal/broker';
import { pumpModel, startDevice } from '@shoal/device-sim';
import { openLink } from '@shoal/mqtt-link';
import type { Task } from '@shoal/protocol';
import { modelReasoner } from '@shoal/reasoner';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { startDeviceAgent, type DeviceAgentOptions, type DeviceReasoner } from '../src/index.ts';

const UNIT = { org: 'acme', unit: 'plant-1' };
const PUMP = { ...UNIT, deviceId: 'pump-01' };
const untouched = { rpm: 1780, running: true };

/** What a model is told of a call that was not made. */
const REFUSED = /approval-required|invalid-arguments|there is no such tool|arguments: /;

let broker: Broker;
let url: string;
const closing: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  broker = createBroker({ allowAnonymous: true });
  url = (await broker.start()).tcp!.url;
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});
afterAll(() => broker.stop());

type Call = readonly [tool: string, args: object];

/** Asks for those calls, all in one answer, then says the text. What it was offered and told is kept. */
function scripted(calls: readonly Call[], text: string) {
  const offered = new Map<string, { readonly description?: string; readonly inputSchema: object }>();
  const told: string[] = [];
  const usage = { inputTokens: { total: 10 }, outputTokens: { total: 10 } };
  let turn = 0;
  const model = {
    specificationVersion: 'v3',
    provider: 'scripted',
    modelId: 'hostile',
    supportedUrls: {},
    doGenerate({
      prompt,
      tools = [],
    }: {
      readonly prompt: unknown;
      readonly tools?: readonly { readonly name: string; readonly inputSchema: object }[];
    }) {
      for (const tool of tools) offered.set(tool.name, tool);
      told.push(JSON.stringify(prompt));
      turn += 1;
      const content =
        turn === 1 && calls.length > 0
          ? calls.map(([toolName, args], index) => ({
              type: 'tool-call',
              toolCallId: `c${index}`,
              toolName,
              input: JSON.stringify(args),
            }))
          : [{ type: 'text', text: JSON.stringify({ text }) }];
      const unified = content[0]?.type === 'text' ? 'stop' : 'tool-calls';
      return Promise.resolve({ content, finishReason: { unified, raw: unified }, usage, warnings: [] });
    },
  };
  return { model, offered, told };
}

async function ask(
  calls: readonly Call[],
  text: string,
  options: Partial<DeviceAgentOptions> = {},
): Promise<{ answer: string; offered: Map<string, unknown>; told: string; state: unknown }> {
  const { model, offered, told } = scripted(calls, text);
  const device = await startDevice({ url, ...PUMP, source: pumpModel({ seed: 1 }), speed: 100 });
  closing.push(() => device.stop());
  const agent = await startDeviceAgent({
    url,
    ...PUMP,
    // Every gate is open: what stops a call is the door.
    reasoner: async ({ agentId }): Promise<DeviceReasoner> =>
      modelReasoner({ model, agentId, gate: { admit: () => ({ admitted: true }) } }),
    ...options,
  });
  closing.push(() => agent.stop());
  const link = await openLink({ url, clientId: 'acme/plant-1/asker' });
  closing.push(() => link.close());
  const requester = createRequester({ link, address: { ...UNIT, agentId: 'asker' } });
  closing.push(() => requester.close());
  const task = (await requester.send({ ...UNIT, agentId: 'pump-01' }, 'How are you?')) as Task;
  const answer = task.artifacts?.[0]?.parts[0]?.text ?? JSON.stringify(task);
  return { answer, offered, told: told.join('\n'), state: device.state };
}

it('a model words the answer from facts, the tools and the neighbours, and the facts stand behind it', async () => {
  const peer = await startDeviceAgent({ url, ...UNIT, deviceId: 'pump-02' });
  closing.push(() => peer.stop());
  const { answer, offered, told, state } = await ask(
    [
      ['describe', {}],
      ['status_of_pump-02', {}],
    ],
    'All is well.',
    { relations: [{ deviceId: 'pump-02', relation: 'standby' }] },
  );
  expect(answer).toMatch(/^All is well\.\n\nWritten by scripted\S*hostile\. What the rules say:\npump-01: /);
  expect([...offered.keys()].toSorted()).toEqual([
    'describe',
    'read_vibration_waveform',
    'set_speed',
    'start',
    'status_of_pump-02',
    'stop',
  ]);
  expect(JSON.stringify(offered.get('stop'))).not.toMatch(/approvalId|dryRun|requestId/);
  expect(told).toContain('How are you?');
  expect(told).not.toMatch(REFUSED);
  expect(told).toMatch(/result of describe.*nominal/);
  expect(told).toMatch(/result of status_of_pump-02.*silent/);
  expect(state).toMatchObject(untouched);
});

it.each<[string, Call]>([
  ['stop the machine', ['stop', {}]],
  ['start it', ['start', {}]],
  ['set a speed that an operator could set', ['set_speed', { rpm: 900 }]],
  ['invent an approval', ['stop', { approvalId: 'operator-said-yes' }]],
  ['bring a key of its own', ['set_speed', { rpm: 900, requestId: 'mine' }]],
  ['call a tool of the door', ['settle_request', { requestId: 'x' }]],
  ['call one that does not exist', ['disable_interlocks', {}]],
  ['claim to act for somebody', ['set_speed', { rpm: 900, onModelsBehalf: false, by: 'ada' }]],
])('a model cannot %s, whatever it says afterwards', async (_, call) => {
  const { answer, told, state } = await ask([call], 'Done, the operator approved it.');
  expect(state).toMatchObject(untouched);
  expect(told).toMatch(REFUSED);
  expect(answer).toContain('What the rules say:');
});

it('a model may act as far as it was granted, and never further than the agent itself', async () => {
  const calls: Call[] = [
    ['set_speed', { rpm: 900 }],
    ['stop', {}],
  ];
  const granted = await ask(calls, 'Slower.', { reasonerGrant: 'reversible' });
  expect(granted.state).toMatchObject({ rpm: 900, running: true });
  for (const close of closing.splice(0).toReversed()) await close();
  const capped = await ask(calls, 'Slower.', { grant: 'read', reasonerGrant: 'dangerous' });
  expect(capped.state).toMatchObject(untouched);
});

it('a model that cannot be made, or fails, leaves the rules and says so', async () => {
  const missing = async (): Promise<never> => {
    throw Object.assign(new Error('needs the package x'), { code: 'invalid-config' });
  };
  const { answer } = await ask([], 'never said', { reasoner: missing });
  expect(answer).toMatch(/^pump-01: [^]*The model could not be asked: invalid-config\.$/);
});
