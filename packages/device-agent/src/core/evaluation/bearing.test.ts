import { describe, expect, it } from 'vitest';
import { evaluateBearingFolder } from '../../eval/bearing.ts';
import { findDataFolder } from '../../eval/files.ts';
import { ORDERS_6205, waveform } from '../../testing/waveform.ts';
import { bearingMetrics, evaluateBearing } from './bearing.ts';

describe('evaluateBearing', () => {
  it('counts windows and recordings apart', () => {
    const common = { sampleRateHz: 12_000, shaftRpm: 1770, orders: ORDERS_6205 };
    const impacts = { order: ORDERS_6205.bpfo, peak: 1 };
    const result = evaluateBearing([
      { ...common, file: 'a', label: 'outer-race', samples: waveform({ seconds: 2.5, impacts }) },
      { ...common, file: 'b', label: 'normal', samples: waveform({ seconds: 2 }) },
    ]);
    expect(result.byWindow.cases).toBe(4);
    expect(result.byRecording.confusion).toEqual({
      'outer-race': { 'outer-race': 1 },
      normal: { healthy: 1 },
    });
    expect(result.recordings[0]).toMatchObject({
      file: 'a',
      verdict: 'outer-race',
      windows: { 'outer-race': 2 },
    });
  });

  it('takes unknown for a miss, not for a wrong name', () => {
    const metrics = bearingMetrics([
      { label: 'inner-race', verdict: 'unknown' },
      { label: 'inner-race', verdict: 'outer-race' },
      { label: 'normal', verdict: 'ball' },
      { label: 'normal', verdict: 'unknown' },
    ]);
    expect(metrics.recall).toEqual({ 'inner-race': 0, normal: 0 });
    expect(metrics.wrongNameRate).toBe(0.5);
    expect(metrics.healthyCalledFaultyRate).toBe(0.5);
  });

  const data = findDataFolder();
  it.skipIf(data === undefined)(
    'reaches the target on the bearing recordings (skipped without SHOAL_DATA or ../shared/data)',
    () => {
      const { byWindow } = evaluateBearingFolder(`${data}/bearing`);
      expect(byWindow.recall['inner-race']).toBeGreaterThanOrEqual(0.95);
      expect(byWindow.recall['outer-race']).toBeGreaterThanOrEqual(0.95);
      expect(byWindow.healthyCalledFaultyRate).toBe(0);
      expect(byWindow.wrongNameRate).toBeLessThan(0.03);
    },
    60_000,
  );
});
