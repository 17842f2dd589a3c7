import { describe, expect, it } from 'vitest';
import { runSource, valuesOf } from '../../test/run-source.ts';
import { PUMP_BEARING } from './bearings.ts';
import { positionAt, replaySource, type ReplayOptions } from './replay.ts';
import {
  chooseWaveforms,
  decodeWaveform,
  parseWaveformManifest,
  type RecordedWaveform,
} from './waveform-manifest.ts';

const rows = Array.from({ length: 10 }, (_, index) => ({
  channels: { flow: index },
  anomaly: index >= 6,
  changepoint: false,
}));
const recording = { name: 'a.csv', rows, labelled: true };
const waveform = (label: string, value: number): RecordedWaveform => ({
  entry: {
    file: `${label}.f32`,
    label,
    shaftRpm: 1797,
    sampleRateHz: 1000,
    samples: 3000,
    faultDiameterInch: null,
  },
  samples: new Float32Array(3000).fill(value),
});
const source = (options: Partial<ReplayOptions> = {}) =>
  replaySource({
    recording,
    bearing: PUMP_BEARING,
    healthyWaveform: waveform('normal', 1),
    faulty: { waveform: waveform('inner-race', 2), faultAtRow: 6, name: 'bearing-inner-race' },
    ...options,
  });
const flow = (count: number, options: Partial<ReplayOptions>): number[] =>
  valuesOf(runSource(source(options), count).samples, 'flow');

describe('a replay', () => {
  it('plays the rows as they are and ends', () => {
    expect(flow(20, { fromRow: 2 })).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('loops or turns around when told', () => {
    expect(flow(7, { fromRow: 2, toRow: 5, atEnd: 'loop' })).toEqual([2, 3, 4, 2, 3, 4, 2]);
    expect(flow(7, { fromRow: 2, toRow: 5, atEnd: 'mirror' })).toEqual([2, 3, 4, 3, 2, 3, 4]);
    expect([0, 1, 2].map((index) => positionAt(index, 1, 'mirror', 4))).toEqual([4, 4, 4]);
  });

  it('keeps the labels out of the channels and in the truth', () => {
    const { samples } = runSource(source(), 10);
    expect(samples.map(({ truth }) => truth.anomaly).indexOf(true)).toBe(6);
    expect(Object.keys(samples[6]!.channels)).toEqual(['flow']);
    expect(samples[6]!.truth.faults).toEqual(['bearing-inner-race']);
  });

  it('gives the healthy waveform before the fault and the faulty one from it on', () => {
    const setpoint = { rpm: 1797, running: true };
    const valueAfter = (count: number): number | undefined => {
      const { state } = runSource(source(), count);
      return source().waveform(state as { index: number }, setpoint, 1, 0).samples[0];
    };
    expect([1, 6, 7, 10].map(valueAfter)).toEqual([1, 1, 2, 2]);
  });

  it('takes another stretch of the recording for another capture, and the same for the same', () => {
    const ramp = waveform('normal', 0);
    ramp.samples.forEach((_, index) => (ramp.samples[index] = index));
    const first = (capture: number) =>
      source({ healthyWaveform: ramp }).waveform({ index: 1 }, { rpm: 1, running: true }, 1, capture)
        .samples[0];
    expect(first(0)).toBe(first(0));
    expect(first(0)).not.toBe(first(1));
    expect(() => source().waveform({ index: 1 }, { rpm: 1, running: true }, 4, 0)).toThrow(
      /it must be 0.01 to 3/,
    );
  });

  it('says that a setpoint has no effect, and does not give the fault away', () => {
    const { setpointEffect, origin } = source().description;
    expect(setpointEffect).toBe('recorded-only');
    expect(origin).toContain('cannot change what was recorded');
    expect(origin).not.toContain('inner');
  });

  it('refuses rows that the recording does not have', () => {
    expect(() => source({ fromRow: 10 })).toThrow(/fromRow is 10; it must be 0 to 9/);
    expect(() => source({ fromRow: 3, toRow: 3 })).toThrow(/toRow is 3; it must be 4 to 10/);
  });
});

describe('the manifest of the waveforms', () => {
  const entry = (label: string, shaftRpm: number, faultDiameterInch: number | null) => ({
    file: `${label}.f32`,
    label,
    shaftRpm,
    sampleRateHz: 12_000,
    samples: 2,
    faultDiameterInch,
  });
  const manifest = (recordings: unknown[]) =>
    JSON.stringify({ bearing: '6205', orders: { bpfo: 3.58, bpfi: 5.42, bsf: 2.36, ftf: 0.4 }, recordings });

  it('chooses the fault at the speed of the healthy recording, the smallest defect', () => {
    const parsed = parseWaveformManifest(
      manifest([
        entry('normal', 1797, null),
        entry('ball', 1772, 0.007),
        entry('ball', 1797, 0.021),
        entry('ball', 1797, 0.014),
      ]),
    );
    expect(chooseWaveforms(parsed, 'ball')?.faulty).toMatchObject({
      shaftRpm: 1797,
      faultDiameterInch: 0.014,
    });
    expect(chooseWaveforms(parsed, 'inner-race')).toBeUndefined();
  });

  it.each([
    ['{', 'not JSON'],
    ['[]', 'the manifest must be an object'],
    ['{"orders":{}}', 'bearing must be a text'],
    [manifest([]).replace('5.42', '"x"'), 'orders.bpfi must be a positive number'],
    [manifest([{ ...entry('normal', 1797, null), file: '../x' }]), 'recordings[0].file'],
    [manifest([{ ...entry('normal', 1797, null), sampleRateHz: 0 }]), 'recordings[0].sampleRateHz'],
  ])('names what is wrong in %s', (text, problem) => {
    expect(() => parseWaveformManifest(text)).toThrow(problem);
  });

  it('decodes little-endian float32 and checks the length', () => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat32(4, 1.5, true);
    expect([...decodeWaveform(bytes, entry('normal', 1797, null)).samples]).toEqual([0, 1.5]);
    expect(() => decodeWaveform(bytes.subarray(0, 7), entry('normal', 1797, null))).toThrow(
      /normal.f32 has 7 bytes; 2 samples are 8/,
    );
  });
});
