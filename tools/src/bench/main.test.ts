import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { Report } from './report.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const run = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
  promisify(execFile)(process.execPath, ['--conditions=@shoal/source', '--import', 'tsx', main, ...args]);

test('an unknown name exits with 2, lists the benchmarks, and leaves stdout empty', async () => {
  await expect(run('nothing', '--json')).rejects.toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('benchmarks: rpc') as string,
  });
});

test('rpc --json writes one document on stdout and nothing else', { timeout: 180_000 }, async () => {
  const { stdout } = await run('rpc', '--json', '--quick', '--rounds', '1');
  const report = JSON.parse(stdout) as Report;
  expect(report).toMatchObject({ benchmark: 'rpc', rounds: 1, machine: { node: process.versions.node } });
  expect(report.rows.map(({ name, unit, target }) => [name, unit, target])).toEqual([
    ['SendMessage, 1 in flight, p50', 'ms', '<= 1.5'],
    ['SendMessage, 100 in flight', '1/s', '>= 0.6'],
    ['SendMessage, 100 in flight, CPU of both ends', 'us', null],
    ['SendMessage, 1,000 in flight', '1/s', null],
    ['streaming item', 'us', '<= 1.3'],
    ['SendMessage, 1 in flight, p50', 'ms', '<= 0.4'],
    ['a2a-js-mqtt: SendMessage, 1 in flight, p50', 'ms', null],
    ['SendMessage, 100 in flight', '1/s', '>= 4'],
    ['a2a-js-mqtt: SendMessage, 100 in flight', '1/s', null],
    ['SendMessage, 1,000 in flight', '1/s', '>= 4'],
    ['a2a-js-mqtt: SendMessage, 1,000 in flight', '1/s', null],
    ['mqtt-link: request and reply, 1 in flight, p50', 'ms', null],
    ['mqtt-link: request and reply, 100 in flight', '1/s', null],
    ['mqtt-link: request and reply, 100 in flight, CPU of both ends', 'us', null],
    ['mqtt-link: request and reply, 1,000 in flight', '1/s', null],
    ['mqtt-link: streaming item', 'us', null],
  ]);
  for (const row of report.rows) {
    expect(row.value).toBeGreaterThan(0);
    expect(row.baseline).toBeGreaterThan(0);
    expect(row.ratio).toBeGreaterThan(0);
    expect(row.spread.ratio!.min).toBeLessThanOrEqual(row.spread.ratio!.max);
  }
});
