import { expect, it } from 'vitest';
import { parseReasonerConfig } from './reasoner-config.ts';

const openAi = { kind: 'openai-compatible', baseUrl: 'http://127.0.0.1:1/v1', model: 'small' };

it.each([
  { kind: 'rules' },
  openAi,
  { ...openAi, apiKeyEnv: 'MODEL_KEY', budgets: { session: { tokens: 1000 } }, overBudget: 'rules' },
  { kind: 'llama', modelPath: '/models/small.gguf', threads: 2 },
])('takes %j', (config) => {
  expect(parseReasonerConfig(config)).toEqual(config);
});

it.each([
  ['rules', /must be an object/],
  [{ kind: 'magic' }, /kind must be rules, openai-compatible, llama, not "magic"/],
  [{ kind: 'constructor' }, /kind must be/],
  [{ kind: 'openai-compatible', model: 'small' }, /baseUrl/],
  [{ ...openAi, timeoutMs: 0 }, /\/timeoutMs must be >= 1/],
  [{ ...openAi, temprature: 0 }, /additional properties/],
  [{ ...openAi, apiKey: 'sk-very-secret' }, /apiKey must not stand in a config.*apiKeyEnv/],
  [{ ...openAi, headers: { authorization: 'x' } }, /headers must not stand/],
  [{ ...openAi, baseUrl: 'http://me:secret@127.0.0.1/v1' }, /no user, password or query/],
  [{ ...openAi, baseUrl: 'http://127.0.0.1/v1?key=secret' }, /no user, password or query/],
])('refuses %j and says what is wrong', (config, message) => {
  expect(() => parseReasonerConfig(config)).toThrow(message);
});

it('a refusal does not repeat the key', () => {
  expect(() => parseReasonerConfig({ ...openAi, apiKey: 'sk-very-secret' })).not.toThrow(/very-secret/);
});
