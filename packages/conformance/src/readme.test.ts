import { createBroker } from '@shoal/broker';
import { readFile } from 'node:fs/promises';
import { expect, it, vi } from 'vitest';
import {
  REQUESTER_OFFERS,
  REQUESTER_OPERATIONS,
  RESPONDER_OFFERS,
  RESPONDER_VARIANTS,
  parseManifest,
} from './index.ts';

const README = await readFile(new URL('../README.md', import.meta.url), 'utf8');

it('the example of the README is the file in examples/, and it runs', async () => {
  const file = await readFile(new URL('../examples/test-a-broker.ts', import.meta.url), 'utf8');
  expect(README).toContain(file.trim());
  const broker = createBroker({ allowAnonymous: true });
  vi.stubEnv('SHOAL_BROKER_URL', (await broker.start()).tcp?.url ?? '');
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  await import('../examples/test-a-broker.ts');
  expect(log.mock.calls.flat().join()).toMatch(/^6 of 6 passed/);
  expect(process.exitCode).toBe(0);
  process.exitCode = undefined;
  await broker.stop();
});

it('the manifest of the README is one', () => {
  const [, json = ''] = /```json\n([\s\S]*?)```/.exec(README) ?? [];
  expect(parseManifest(json).name).toBe('my SDK 1.2');
});

it('the README tells of every offer, variant and operation', () => {
  const words = [...RESPONDER_OFFERS, ...RESPONDER_VARIANTS, ...REQUESTER_OFFERS, ...REQUESTER_OPERATIONS];
  const missing = words.filter((word) => word !== 'plain' && !README.includes(`\`${word}\``));
  expect(missing).toEqual([]);
});
