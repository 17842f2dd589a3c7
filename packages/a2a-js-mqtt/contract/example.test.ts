import { createBroker } from '@shoal/broker';
import { readFile } from 'node:fs/promises';
import { expect, it, vi } from 'vitest';

it('the example of the README is the file in examples/, and it runs', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const file = await readFile(new URL('../examples/echo.ts', import.meta.url), 'utf8');
  expect(readme).toContain(file.replaceAll('export const', 'const').trim());
  const broker = createBroker({ allowAnonymous: true });
  const { tcp } = await broker.start();
  vi.stubEnv('SHOAL_BROKER_URL', tcp?.url ?? '');
  const { answer } = await import('../examples/echo.ts');
  expect(answer).toMatchObject({ artifacts: [{ parts: [{ content: { value: 'hello' } }] }] });
  await broker.stop();
});
