import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CaptureStore, chunkOf, decodeSamples } from './captures.ts';
import { applyCommand, initialSetpoint } from './device-control.ts';
import { DEVICE_SIM_ERROR_CODES } from './errors.ts';
import { pumpModel } from './pump-model.ts';
import { gaussian, seedOf, uniform } from './random.ts';
import { BURST, deviceTime, due } from './telemetry.ts';

const { description } = pumpModel({ seed: 1 });

describe('commands', () => {
  it('set the speed, stop and start, and say what was before', () => {
    const set = applyCommand(
      initialSetpoint(description),
      { kind: 'set_speed', rpm: 900 },
      description,
      'now',
    );
    expect(set).toEqual({
      command: 'set_speed',
      rpm: 900,
      unit: 'rpm',
      running: true,
      previous: { rpm: 1780, running: true },
      at: 'now',
      effect: 'model',
    });
    const stop = applyCommand(set, { kind: 'stop' }, description, 'now');
    expect(stop).toMatchObject({ rpm: 900, running: false });
    expect(applyCommand(stop, { kind: 'start' }, description, 'now')).toMatchObject({
      rpm: 900,
      running: true,
      previous: { running: false },
    });
  });

  it.each([0, 533, 1959, Number.NaN])('refuse %d rpm and name the limits', (rpm) => {
    expect(() =>
      applyCommand(initialSetpoint(description), { kind: 'set_speed', rpm }, description, 'now'),
    ).toThrow(/rpm is .*; it must be 534 to 1958/);
  });
});

describe('captures', () => {
  const waveform = {
    samples: Float32Array.from({ length: 10 }, (_, index) => index / 3),
    sampleRateHz: 100,
    shaftRpm: 60,
    unit: 'g',
  } as const;

  it('come in pieces that join to the whole', () => {
    const capture = { captureId: 'c', at: 'now', waveform };
    const joined: number[] = [];
    for (let offset: number | null = 0; offset !== null;) {
      const chunk = chunkOf(capture, offset, 17);
      expect(chunk).toMatchObject({ captureId: 'c', total: 10, offset, sampleRateHz: 100, unit: 'g' });
      expect(chunk.count).toBeLessThanOrEqual(4);
      joined.push(...decodeSamples(chunk.samples));
      offset = chunk.nextOffset;
    }
    expect(joined).toEqual([...waveform.samples]);
  });

  it('refuse an offset beyond the end', () => {
    expect(() => chunkOf({ captureId: 'c', at: '', waveform }, 10, 16)).toThrow(
      /offset is 10; it must be 0 to 9/,
    );
  });

  it('are kept in a bounded number; an older one is gone with a clear word', () => {
    const store = new CaptureStore(2);
    for (const captureId of ['a', 'b', 'c']) store.add({ captureId, at: '', waveform });
    expect(store.get('c').captureId).toBe('c');
    expect(() => store.get('a')).toThrow(/captureId "a" is not kept \(the last 2 are\)/);
  });
});

describe('the pace', () => {
  it('sends the first sample at once and then as many as are due', () => {
    let state = { sent: 0, startedAtMs: 1000 };
    const counts = [1000, 1005, 1020, 1100].map((nowMs) => {
      const result = due(state, nowMs, 100);
      state = result.state;
      return result.count;
    });
    expect(counts).toEqual([1, 0, 2, 8]);
  });

  it('gives up what a long sleep missed instead of racing', () => {
    let result = due({ sent: 0, startedAtMs: 0 }, 3_600_000, 100);
    expect(result.count).toBe(BURST);
    result = due(result.state, 3_600_010, 100);
    expect(result.count).toBe(1);
  });

  it('keeps device time at the rate of the samples', () => {
    expect(deviceTime(0, 90, 1)).toBe('1970-01-01T00:01:30.000Z');
    expect(deviceTime(0, 3, 10)).toBe('1970-01-01T00:00:00.300Z');
  });
});

it('random numbers are uniform and normal, and independent of the order in which they are asked for', () => {
  const values = Array.from({ length: 20_000 }, (_, index) => uniform(5, 1, index));
  expect(values.reduce((sum, value) => sum + value, 0) / values.length).toBeCloseTo(0.5, 1);
  const normal = Array.from({ length: 20_000 }, (_, index) => gaussian(5, 1, index));
  const square = normal.reduce((sum, value) => sum + value * value, 0) / normal.length;
  expect(square).toBeGreaterThan(0.95);
  expect(square).toBeLessThan(1.05);
  expect(gaussian(5, 1, 17)).toBe(normal[17]);
  expect(seedOf('pump-01')).not.toBe(seedOf('pump-02'));
});

it('every error code has a row in the README, and the README has no other', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const rows = [
    ...readme.slice(readme.indexOf('## Errors')).matchAll(/^\| `([a-z-]+)` +\| ([^|]+?) +\|$/gm),
  ].map(([, code, text]) => [code, text]);
  expect(Object.fromEntries(rows)).toEqual(DEVICE_SIM_ERROR_CODES);
});
