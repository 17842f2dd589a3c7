import { describe, expect, it } from 'vitest';
import { isDeviceAgentError } from '../../errors.ts';
import type { Judgement } from './judgement.ts';
import { StreamingDetector } from './streaming-detector.ts';
import { gaussian } from '../../testing/gaussian.ts';

const CHANNELS = ['flow', 'pressure', 'vibration'];

/** A pump: pressure follows flow, vibration is its own. `shift` is added to the named channel from row 500 on. */
function pumpRows(
  count: number,
  shift: Partial<Record<'flow' | 'pressure' | 'vibration', number>> = {},
): (number | null)[][] {
  const noise = gaussian(7);
  let load = 0;
  return Array.from({ length: count }, (_, i) => {
    load += 0.1 * (noise() - load);
    const late = i >= 500 ? 1 : 0;
    return [
      32 + 2 * load + 0.1 * noise() + late * (shift.flow ?? 0),
      4 + load + 0.05 * noise() + late * (shift.pressure ?? 0),
      0.2 + 0.01 * noise() + late * (shift.vibration ?? 0),
    ];
  });
}

function run(detector: StreamingDetector, rows: readonly (readonly unknown[])[], from = 0): Judgement[] {
  return rows.map((row, index) => detector.push(row, (from + index) * 1000));
}

describe('StreamingDetector', () => {
  it('judges nothing while it learns, then stays quiet on more of the same', () => {
    const results = run(new StreamingDetector(CHANNELS), pumpRows(1000));
    expect(results.slice(0, 400).every((r) => r.phase === 'learning' && r.score === 0 && !r.anomalous)).toBe(
      true,
    );
    expect(results.slice(400).every((r) => r.phase === 'judging')).toBe(true);
    expect(results.filter((r) => r.anomalous).length).toBeLessThan(12);
  });

  it('names the channel that left its range, what it should be and since when', () => {
    const results = run(new StreamingDetector(CHANNELS), pumpRows(700, { vibration: 0.1 }));
    const judged = results[699]!;
    expect(judged.anomalous).toBe(true);
    const [first] = judged.contributions;
    expect(first?.channel).toBe('vibration');
    expect(first!.deviation).toBeGreaterThan(1);
    expect(first!.expected).toBeCloseTo(0.2, 1);
    expect(first!.normalRange[1]).toBeLessThan(first!.level);
    expect(judged.sinceMs).toBeGreaterThanOrEqual(500_000);
    expect(judged.sinceMs).toBeLessThan(510_000);
  });

  it('sees channels that contradict each other while each stays inside its own range', () => {
    const results = run(new StreamingDetector(CHANNELS), pumpRows(700, { pressure: -0.6, flow: 1.2 })).slice(
      520,
    );
    const found = results.filter((result) => result.anomalous);
    expect(found.length).toBeGreaterThan(150);
    for (const { level, normalRange } of found.flatMap((result) => result.contributions)) {
      expect(level).toBeGreaterThan(normalRange[0]);
      expect(level).toBeLessThan(normalRange[1]);
    }
  });

  it('clears when the machine returns to normal', () => {
    const rows = [...pumpRows(800, { vibration: 0.2 }), ...pumpRows(1200).slice(800)];
    const results = run(new StreamingDetector(CHANNELS), rows);
    expect(results[790]?.anomalous).toBe(true);
    expect(results.slice(900).some((r) => r.anomalous)).toBe(false);
  });

  it('reports a drift that is too slow for an anomaly, and leaves alone what keeps still', () => {
    const rows = pumpRows(6000).map(([flow, pressure, vibration], i) => [
      flow,
      pressure,
      vibration! + (i > 600 ? (i - 600) * 3e-5 : 0),
    ]);
    const results = run(new StreamingDetector(CHANNELS), rows);
    const first = results.findIndex(({ drifts }) => drifts.length > 0);
    expect(first).toBeGreaterThan(600);
    expect(results.slice(0, first).some(({ anomalous }) => anomalous)).toBe(false);
    expect(results.at(-1)!.drifts.map(({ channel }) => channel)).toEqual(['vibration']);
    expect(results.at(-1)!.drifts[0]).toMatchObject({ sinceMs: first * 1000 });
    expect(results.at(-1)!.drifts[0]!.now).toBeGreaterThan(results.at(-1)!.drifts[0]!.learned);
    expect(run(new StreamingDetector(CHANNELS), pumpRows(6000)).some(({ drifts }) => drifts.length > 0)).toBe(
      false,
    );
  });

  it('ignores a lone spike', () => {
    const rows = pumpRows(700);
    rows[600]![0] = 1e9;
    rows[640]![2] = -1e9;
    expect(
      run(new StreamingDetector(CHANNELS), rows)
        .slice(590, 660)
        .some((r) => r.anomalous),
    ).toBe(false);
  });

  it('reports a missing and a stuck sensor as such and goes on judging the others', () => {
    const rows = pumpRows(900, { vibration: 0.1 }).map((row, i) => [
      i >= 450 ? Number.NaN : row[0],
      i >= 420 ? 4 : row[1],
      row[2],
    ]);
    const results = run(new StreamingDetector(CHANNELS), rows);
    expect(results[470]?.sensorFaults).toEqual([
      { channel: 'flow', fault: 'missing', sinceMs: 450_000 },
      { channel: 'pressure', fault: 'stuck', sinceMs: 420_000 },
    ]);
    expect(results[490]?.anomalous).toBe(false);
    expect(results[600]?.contributions.map((c) => c.channel)).toEqual(['vibration']);
  });

  it('takes nothing but finite numbers for a value', () => {
    const detector = new StreamingDetector(CHANNELS);
    const rows = pumpRows(450).map((row, i) =>
      i % 7 === 0 ? ['x', Number.POSITIVE_INFINITY, undefined] : row,
    );
    expect(() => run(detector, rows)).not.toThrow();
    expect(JSON.stringify(detector.state())).not.toContain('NaN');
  });

  it('does not judge a channel that was absent in the warm-up', () => {
    const rows = pumpRows(600, { flow: 50 }).map((row, i) => [i < 400 ? null : row[0]!, row[1]!, row[2]!]);
    expect(run(new StreamingDetector(CHANNELS), rows).some((r) => r.anomalous)).toBe(false);
  });

  it('allows a channel that was constant in the warm-up some room, and no more', () => {
    const rows = Array.from({ length: 600 }, (_, i) => [i < 500 ? 50 : i < 550 ? 50.2 : 60]);
    const results = run(new StreamingDetector(['setpoint']), rows);
    expect(results.slice(0, 550).some((r) => r.anomalous)).toBe(false);
    expect(results[590]?.anomalous).toBe(true);
  });

  it.each([1, 30, 61, 250, 399, 400, 401, 470, 505, 590, 805, 830, 900])(
    'restores bit for bit after %i samples',
    (split) => {
      const rows: unknown[][] = [...pumpRows(800, { vibration: 1 }), ...pumpRows(1000).slice(800)];
      rows.forEach((row, i) => (i % 97 === 0 ? (row[1] = null) : row));
      const whole = run(new StreamingDetector(CHANNELS), rows);
      const first = new StreamingDetector(CHANNELS);
      const before = run(first, rows.slice(0, split));
      const saved = JSON.stringify(first.state());
      const second = StreamingDetector.restore(JSON.parse(saved));
      expect(JSON.stringify(second.state())).toBe(saved);
      const after = run(second, rows.slice(split), split);
      expect(JSON.stringify([...before, ...after])).toBe(JSON.stringify(whole));
    },
  );

  it('does not share memory with the state it gave away', () => {
    const detector = new StreamingDetector(CHANNELS);
    run(detector, pumpRows(450));
    const saved = detector.state();
    const copy = JSON.stringify(saved);
    run(detector, pumpRows(100), 450);
    expect(JSON.stringify(saved)).toBe(copy);
  });

  it.each([1, 8, 24, 48])('keeps its state under 64 kB with %i channels and a long warm-up', (count) => {
    const channels = Array.from({ length: count }, (_, i) => `channel-${i}`);
    const noise = gaussian(3);
    const detector = new StreamingDetector(channels, { learnSamples: 2000 });
    let largest = 0;
    for (let i = 0; i < 2100; i++) {
      detector.push(
        channels.map(() => noise() * 1e-5),
        i * 1000,
      );
      if (i % 100 === 0 || i === 1999) largest = Math.max(largest, JSON.stringify(detector.state()).length);
    }
    expect(largest).toBeLessThan(65_536);
  });

  it('names the field of a state that it cannot restore', () => {
    const detector = new StreamingDetector(CHANNELS);
    run(detector, pumpRows(420));
    const good = JSON.parse(JSON.stringify(detector.state())) as Record<string, unknown>;
    const broken: [Record<string, unknown>, string][] = [
      [{ ...good, schemaVersion: 2 }, 'schemaVersion'],
      [{ ...good, channels: [] }, 'channels'],
      [{ ...good, live: [] }, 'live'],
      [{ ...good, baseline: { ...(good['baseline'] as object), center: [1, 2, null] } }, 'baseline/center/2'],
      [{ ...good, baseline: null }, 'baseline'],
      [{ ...good, options: { learnSamples: 'many' } }, 'learnSamples'],
    ];
    for (const [state, field] of broken) {
      expect(() => StreamingDetector.restore(state)).toThrow(field);
    }
    expect(() => StreamingDetector.restore(null)).toThrow('state');
  });

  it('refuses channels and options that it cannot keep', () => {
    const code = (make: () => unknown) => {
      try {
        make();
      } catch (error) {
        return isDeviceAgentError(error) ? error.code : error;
      }
      return undefined;
    };
    expect(code(() => new StreamingDetector([]))).toBe('invalid-option');
    expect(code(() => new StreamingDetector(['a', 'a']))).toBe('invalid-option');
    expect(code(() => new StreamingDetector(['a'], { smoothing: 0 }))).toBe('invalid-option');
    expect(code(() => new StreamingDetector(Array.from({ length: 49 }, (_, i) => `c${i}`)))).toBe(
      'too-many-channels',
    );
  });
});
