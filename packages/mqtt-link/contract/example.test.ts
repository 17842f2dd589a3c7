import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createBroker } from '@shoal/broker';
import { expect, test } from 'vitest';

test('the example of the README runs and its process ends by itself', async () => {
  const broker = createBroker({ allowAnonymous: true });
  const { tcp } = await broker.start();
  const example = fileURLToPath(new URL('../examples/request-reply.ts', import.meta.url));
  const args = ['--conditions=@shoal/source', '--import', 'tsx', example, tcp!.url];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(stdout).toBe('running at 1480 rpm\n');
  await broker.stop();
});
