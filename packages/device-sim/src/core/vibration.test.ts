import { describe, expect, it } from 'vitest';
import { envelope, floorOf, peakNear, rms } from '../../test/spectrum.ts';
import { bearingOrders, PUMP_BEARING } from './bearings.ts';
import { synthesizeVibration, type VibrationParts } from './vibration.ts';

const sampleRateHz = 12_000;
const shaftRpm = 1780;
const healthy: VibrationParts = {
  base: 0.2,
  innerRace: 0,
  outerRace: 0,
  ball: 0,
  imbalance: 0,
  cavitation: 0,
};
const vibration = (parts: Partial<VibrationParts>, seed = 1): Float32Array =>
  synthesizeVibration({
    seed,
    sampleRateHz,
    samples: 2 * sampleRateHz,
    shaftRpm,
    bearing: PUMP_BEARING,
    parts: { ...healthy, ...parts },
  });

/** How far the envelope stands out of its floor at a multiple of the shaft speed. */
const standsOut = (samples: Float32Array) => {
  const signal = envelope(samples, sampleRateHz, 2000);
  const floor = floorOf(signal, sampleRateHz, 20, 600);
  return (order: number): number => peakNear(signal, sampleRateHz, (order * shaftRpm) / 60) / floor;
};

const { bpfo, bpfi, bsf, ftf } = PUMP_BEARING;

describe('the bearing model', () => {
  it('has the defect orders that the formulas give for a 6205', () => {
    const geometry = { balls: 9, ballDiameterMm: 7.94, pitchDiameterMm: 39.04, contactAngleDegrees: 0 };
    expect(bearingOrders(geometry)).toMatchObject({
      bpfo: expect.closeTo(3.585, 2),
      bpfi: expect.closeTo(5.415, 2),
      bsf: expect.closeTo(2.357, 2),
      ftf: expect.closeTo(0.398, 2),
    });
  });

  it('is the same for the same seed', () => {
    expect(vibration({ innerRace: 0.3 })).toEqual(vibration({ innerRace: 0.3 }));
    expect(vibration({ innerRace: 0.3 })).not.toEqual(vibration({ innerRace: 0.3 }, 2));
  });

  it('is as strong as asked for, the squares of the causes adding up', () => {
    expect(rms(vibration({}))).toBeCloseTo(0.2, 2);
    expect(rms(vibration({ innerRace: 0.5 }))).toBeCloseTo(Math.hypot(0.2, 0.5), 1);
    expect(rms(vibration({ imbalance: 0.4 }))).toBeCloseTo(Math.hypot(0.2, 0.4), 2);
  });

  it('shows nothing at the defect frequencies when healthy', () => {
    const at = standsOut(vibration({}));
    for (const order of [bpfo, bpfi, bsf, 2 * bsf]) expect(at(order)).toBeLessThan(5);
  });

  it('shows an inner-race defect at BPFI, its harmonic and, from the load zone, at the shaft speed', () => {
    const at = standsOut(vibration({ innerRace: 0.3 }));
    for (const order of [bpfi, 2 * bpfi, bpfi - 1, bpfi + 1, 1]) expect(at(order)).toBeGreaterThan(15);
    expect(at(bpfo)).toBeLessThan(5);
  });

  it('shows an outer-race defect at BPFO and its harmonic, not at the shaft speed', () => {
    const at = standsOut(vibration({ outerRace: 0.3 }));
    for (const order of [bpfo, 2 * bpfo]) expect(at(order)).toBeGreaterThan(20);
    for (const order of [bpfi, 1]) expect(at(order)).toBeLessThan(5);
  });

  it('shows a ball defect at BSF, its double and at the cage speed', () => {
    const at = standsOut(vibration({ ball: 0.3 }));
    for (const order of [bsf, 2 * bsf, ftf]) expect(at(order)).toBeGreaterThan(10);
    for (const order of [bpfo, bpfi]) expect(at(order)).toBeLessThan(5);
  });

  it('finds the defects also at half the strength of the healthy vibration', () => {
    expect(standsOut(vibration({ innerRace: 0.1 }))(bpfi)).toBeGreaterThan(5);
    expect(standsOut(vibration({ outerRace: 0.1 }))(bpfo)).toBeGreaterThan(5);
  });

  it('hits hard and seldom: the peaks stand far above the RMS', () => {
    const crest = (samples: Float32Array): number => Math.max(...samples.map(Math.abs)) / rms(samples);
    expect(crest(vibration({ innerRace: 0.5 }))).toBeGreaterThan(1.4 * crest(vibration({})));
  });

  it('keeps an imbalance out of the envelope', () => {
    const at = standsOut(vibration({ imbalance: 0.5 }));
    for (const order of [bpfo, bpfi, bsf]) expect(at(order)).toBeLessThan(5);
  });

  it('is still when the shaft stands', () => {
    const parts = { ...healthy, base: 0.002, innerRace: 0 };
    expect(
      rms(
        synthesizeVibration({
          seed: 1,
          sampleRateHz,
          samples: 1000,
          shaftRpm: 0,
          bearing: PUMP_BEARING,
          parts,
        }),
      ),
    ).toBeLessThan(0.003);
  });
});
