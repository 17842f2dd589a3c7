import { describe, expect, test } from 'vitest';
import { sourceArgs, startCommand } from '../ci/run-command.ts';
import { SABOTAGES } from './core/sabotage.ts';
import { parseSimulateOptions } from './options.ts';
import type { SimulationReport } from './report.ts';

function simulate(...args: readonly string[]) {
  return startCommand(process.execPath, sourceArgs('tools/src/simulate/main.ts', ...args)).done;
}

describe('pnpm simulate', { timeout: 120_000 }, () => {
  test('runs seeds and prints one document', async () => {
    const { code, stdout } = await simulate('--seeds', '50-60', '--json', '--workers', '1');
    const report = JSON.parse(stdout) as SimulationReport;
    expect(report).toMatchObject({ runs: 11, failedSeeds: [] });
    expect(Object.keys(report.invariants).length).toBeGreaterThan(5);
    expect(Object.keys(report.faults).length).toBeGreaterThan(0);
    expect(code).toBe(0);
  });

  test('one seed is replayed with all that happened', async () => {
    const { code, stderr } = await simulate('--seeds', '7', '--trace');
    expect(stderr).toMatch(/^0\.00 seed 7/);
    expect(stderr).toContain('record outcome');
    expect(code).toBe(0);
  });

  test.each(Object.keys(SABOTAGES))('notices %s within 150 seeds', { timeout: 300_000 }, async (sabotage) => {
    const { stdout } = await simulate('--seeds', '1-150', '--json', '--sabotage', sabotage);
    const { failedSeeds } = JSON.parse(stdout) as SimulationReport;
    expect(failedSeeds.length).toBeGreaterThan(0);
  });

  test('names the seed that failed, and how to repeat it', async () => {
    const { code, stdout } = await simulate('--seeds', '1-40', '--sabotage', 'absent-supervisor');
    expect(stdout).toMatch(/seed \d+ \(.*\):\n {2}a: the session ends/);
    expect(stdout).toMatch(/again: pnpm simulate --seeds \d+ --trace/);
    expect(code).toBe(1);
  });
});

test('a wrong command line says what is right', () => {
  expect(() => parseSimulateOptions(['--seeds', 'x'], 2)).toThrow('--seeds must read FROM-TO or N, is "x"');
  expect(() => parseSimulateOptions(['--seeds', '9-3'], 2)).toThrow('--seeds must go up');
  expect(() => parseSimulateOptions(['--seeds', '1-9', '--trace'], 2)).toThrow('--trace is for one seed');
  expect(() => parseSimulateOptions(['--workers', '0'], 2)).toThrow('--workers must be an integer');
  expect(() => parseSimulateOptions(['--sabotage', 'x'], 2)).toThrow('--sabotage knows no "x"');
  expect(() => parseSimulateOptions(['--speed'], 2)).toThrow('usage: pnpm simulate');
  expect(parseSimulateOptions(['--', '--seeds', '5'], 2)).toMatchObject({ from: 5, to: 5, workers: 1 });
});
