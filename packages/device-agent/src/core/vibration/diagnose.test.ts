import { describe, expect, it } from 'vitest';
import { isDeviceAgentError } from '../../errors.ts';
import { diagnoseVibration, type BearingOrders } from './diagnose.ts';
import { ORDERS_6203, ORDERS_6205, waveform, type WaveformModel } from '../../testing/waveform.ts';

function diagnose(model: WaveformModel, orders: BearingOrders = ORDERS_6205) {
  const { sampleRateHz = 12_000, shaftRpm = 1770 } = model;
  return diagnoseVibration(waveform(model), { sampleRateHz, shaftRpm, orders });
}

const INNER = { order: ORDERS_6205.bpfi, modulationOrder: 1, peak: 1 };
const OUTER = { order: ORDERS_6205.bpfo, peak: 1 };
const BALL = { order: 2 * ORDERS_6205.bsf, modulationOrder: ORDERS_6205.ftf, peak: 1 };
const USUAL = { 1: 0.02, 2: 0.01, 3: 0.005 };

describe('diagnoseVibration', () => {
  it.each([
    ['inner-race', INNER],
    ['outer-race', OUTER],
    ['ball', BALL],
  ] as const)('names %s from the impacts that it makes', (verdict, impacts) => {
    for (const seed of [1, 2, 3]) {
      const result = diagnose({ impacts, shaft: USUAL, seed });
      expect(result.verdict).toBe(verdict);
      expect(result.confidence).toBeGreaterThan(0.6);
    }
  });

  it('shows the lines that an analyst would check', () => {
    const { evidence, band } = diagnose({ impacts: OUTER, shaft: USUAL });
    const lines = evidence.flatMap(({ line }) => (line === undefined ? [] : [line]));
    expect(lines).toHaveLength(3);
    expect(lines[0]!.order).toBeCloseTo(ORDERS_6205.bpfo, 1);
    expect(lines[1]!.frequencyHz).toBeCloseTo((2 * ORDERS_6205.bpfo * 1770) / 60, -1);
    expect(lines.every((line) => line.snrDb > 5 && line.amplitude > 0)).toBe(true);
    expect(evidence[0]!.text).toContain('BPFO');
    expect(band.lowHz).toBeLessThan(3200);
    expect(band.highHz).toBeGreaterThan(3200);
  });

  it.each([12_000, 25_600, 48_000])(
    'calls a quiet machine healthy at %i samples per second',
    (sampleRateHz) => {
      for (const seed of [1, 2, 3, 4]) {
        expect(diagnose({ shaft: USUAL, sampleRateHz, seed }).verdict).toBe('healthy');
      }
    },
  );

  it('never names a fault in noise', () => {
    const verdicts = Array.from({ length: 25 }, (_, seed) => diagnose({ seed: seed + 100 }).verdict);
    expect(verdicts.filter((verdict) => verdict !== 'healthy' && verdict !== 'unknown')).toEqual([]);
  });

  it.each([
    ['imbalance', { 1: 0.3, 2: 0.02 }],
    ['misalignment', { 1: 0.15, 2: 0.3, 3: 0.1 }],
    ['looseness', { 0.5: 0.05, 1: 0.2, 1.5: 0.12, 2: 0.3, 2.5: 0.2, 3: 0.3, 4: 0.4, 5: 0.4, 6: 0.5, 7: 0.5 }],
  ] as const)('names %s from the harmonics of the shaft', (verdict, shaft) => {
    expect(diagnose({ shaft }).verdict).toBe(verdict);
  });

  it('does not name a shaft fault below the velocity alarm, however clear the pattern', () => {
    expect(diagnose({ shaft: { 1: 0.05 }, noise: 0.01 }).verdict).toBe('healthy');
  });

  it('says unknown, not healthy, to impacts that follow no defect frequency', () => {
    expect(diagnose({ impacts: { order: 0.61, peak: 3 }, shaft: USUAL }).verdict).toBe('unknown');
  });

  it('does not take shaft harmonics for a bearing whose defect orders lie beside them', () => {
    const harmonics = Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15].map((n) => [n, 0.02]));
    const knocking = { order: 1, peak: 1 };
    for (const model of [{ shaft: harmonics }, { shaft: harmonics, impacts: knocking }]) {
      expect(['healthy', 'unknown']).toContain(diagnose(model, ORDERS_6203).verdict);
    }
  });

  it('tells such a bearing from the shaft when the recording resolves it', () => {
    const outer = { impacts: { order: ORDERS_6203.bpfo, peak: 1 }, shaft: USUAL };
    expect(diagnose(outer, ORDERS_6203).verdict).toBe('outer-race');
  });

  it('finds a fault in spite of slip and at other speeds', () => {
    for (const shaftRpm of [900, 1500, 2950]) {
      const model = {
        shaftRpm,
        seconds: shaftRpm < 1000 ? 2 : 1,
        impacts: { ...OUTER, order: OUTER.order * 0.992 },
      };
      expect(diagnose(model).verdict).toBe('outer-race');
    }
  });

  it('averages a long waveform', () => {
    const weak = { impacts: { ...INNER, peak: 0.25 }, seconds: 8, shaft: USUAL };
    expect(diagnose(weak).verdict).toBe('inner-race');
  });

  it('refuses a waveform that cannot be judged, naming why', () => {
    const good = { sampleRateHz: 12_000, shaftRpm: 1770, orders: ORDERS_6205 };
    const samples = waveform({});
    const message = (run: () => unknown) => {
      try {
        run();
      } catch (error) {
        return isDeviceAgentError(error, 'invalid-waveform') ? error.message : 'another error';
      }
      return 'no error';
    };
    expect(message(() => diagnoseVibration(samples.subarray(0, 500), good))).toContain('500 samples');
    expect(message(() => diagnoseVibration(samples, { ...good, shaftRpm: 0 }))).toContain('shaftRpm');
    expect(message(() => diagnoseVibration(samples, { ...good, sampleRateHz: Number.NaN }))).toContain(
      'sampleRateHz',
    );
    expect(
      message(() => diagnoseVibration(samples, { ...good, orders: { ...ORDERS_6205, bsf: -1 } })),
    ).toContain('orders.bsf');
    const broken = samples.slice();
    broken[77] = Number.NaN;
    expect(message(() => diagnoseVibration(broken, good))).toContain('sample 77');
  });

  it('takes plain arrays as well', () => {
    const samples = [...waveform({ impacts: OUTER })];
    expect(
      diagnoseVibration(samples, { sampleRateHz: 12_000, shaftRpm: 1770, orders: ORDERS_6205 }).verdict,
    ).toBe('outer-race');
  });
});
