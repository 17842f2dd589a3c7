import { startSource } from '@shoal/agent-sdk/testing';
import { createBroker } from '@shoal/broker';
import { expect, it } from 'vitest';

const main = new URL('../src/bin/main.ts', import.meta.url);

it('runs as a program', async () => {
  const broker = createBroker({ allowAnonymous: true });
  const { tcp } = await broker.start();
  const program = startSource(main, ['--broker', tcp!.url, '--org', 'acme', '--unit', 'plant-1']);
  expect(await program.until(() => true)).toBe('acme/plant-1/fleet-coordinator is online');
  await program.kill('SIGTERM');
  expect((await program.ended).code).toBe(0);
  await broker.stop();
});
