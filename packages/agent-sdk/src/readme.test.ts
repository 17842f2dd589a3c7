import { createBroker } from '@shoal/broker';
import { readFile } from 'node:fs/promises';
import { expect, it, vi } from 'vitest';
import { LOCAL_ERROR_CODES } from './errors.ts';

const README = await readFile(new URL('../README.md', import.meta.url), 'utf8');

it('the examples of the README are the files in examples/, and they run', async () => {
  for (const name of ['echo-agent', 'call', 'select', 'skills']) {
    const file = await readFile(new URL(`../examples/${name}.ts`, import.meta.url), 'utf8');
    expect(README).toContain(file.replaceAll('export const', 'const').trim());
  }
  const broker = createBroker({ allowAnonymous: true });
  const { tcp } = await broker.start();
  vi.stubEnv('SHOAL_BROKER_URL', tcp?.url ?? '');
  const { agent } = await import('../examples/echo-agent.ts');
  const { answer } = await import('../examples/call.ts');
  expect(JSON.stringify(answer)).toContain('You said: hello');
  const { chosen } = await import('../examples/select.ts');
  expect(JSON.stringify(chosen)).toContain('You said: hello');
  const { rpm } = await import('../examples/skills.ts');
  expect(rpm).toBe(1480);
  await agent.stop();
  await broker.stop();
});

it('the table of error codes in the README is complete', () => {
  for (const code of Object.keys(LOCAL_ERROR_CODES)) expect(README).toContain(`| \`${code}\` `);
});
