import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSource } from '@shoal/agent-sdk/testing';
import { createBroker } from '@shoal/broker';
import { expect, it } from 'vitest';
import { SEED } from './plant.ts';

const main = new URL('../src/bin/main.ts', import.meta.url);

it('runs as a program, on a database that it makes from a seed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-planner-'));
  const broker = createBroker({ allowAnonymous: true });
  const { tcp } = await broker.start();
  const seed = join(folder, 'seed.json');
  await writeFile(seed, JSON.stringify(SEED));
  const files = ['--database', join(folder, 'planner.db'), '--seed', seed];
  const program = startSource(main, [...files, '--broker', tcp!.url, '--org', 'acme', '--unit', 'plant-1']);
  expect(await program.until(() => true)).toBe('acme/plant-1/maintenance-planner is online');
  await program.kill('SIGTERM');
  expect((await program.ended).code).toBe(0);
  await broker.stop();
  await rm(folder, { recursive: true });
});

it('says that it needs a database', async () => {
  const { code, stderr } = await startSource(main, ['--org', 'acme', '--unit', 'plant-1']).ended;
  expect([code, stderr]).toEqual([
    2,
    expect.stringContaining('shoal-maintenance-planner: --database is missing'),
  ]);
});
