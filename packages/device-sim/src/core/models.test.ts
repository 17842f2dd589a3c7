import { describe, expect, it } from 'vitest';
import { mean, deviation, runSource, shift, valuesOf } from '../../test/run-source.ts';
import { rms } from '../../test/spectrum.ts';
import { HVAC_CHANNELS, PUMP_CHANNELS } from './channels.ts';
import type { Fault } from './faults.ts';
import { hvacModel } from './hvac-model.ts';
import { pumpModel } from './pump-model.ts';
import type { DeviceSource } from './source.ts';

const models: readonly [string, (seed: number, faults?: readonly Fault[]) => DeviceSource][] = [
  ['pump', (seed, faults = []) => pumpModel({ seed, faults })],
  ['hvac', (seed, faults = []) => hvacModel({ seed, faults })],
];

describe.each(models)('the %s model', (_type, make) => {
  it('gives the same samples for the same seed, others for another', () => {
    expect(runSource(make(7), 50).samples).toEqual(runSource(make(7), 50).samples);
    expect(runSource(make(7), 50).samples).not.toEqual(runSource(make(8), 50).samples);
  });

  it('goes on from a state that was stored as JSON as if it had never stopped', () => {
    const whole = runSource(make(7), 60).samples;
    const first = runSource(make(7), 30);
    const stored = JSON.parse(JSON.stringify(first.state)) as unknown;
    expect(runSource(make(7), 30, {}, { state: stored, samples: [] }).samples).toEqual(whole.slice(30));
  });

  it('stays within the range of each channel and still, hour after hour, when healthy', () => {
    const source = make(7);
    const { samples } = runSource(source, 3600);
    for (const { name, min, max } of source.description.channels) {
      const values = valuesOf(samples, name);
      expect(values).toHaveLength(3600);
      expect(Math.min(...values)).toBeGreaterThan(min);
      expect(Math.max(...values)).toBeLessThan(max);
      const learnt = values.slice(0, 400);
      expect(Math.abs(mean(values.slice(-400)) - mean(learnt)) / deviation(learnt)).toBeLessThan(4);
    }
    expect(samples.some((sample) => sample.truth.anomaly)).toBe(false);
  });

  it('has noise that is white: no sample tells the next', () => {
    const values = valuesOf(runSource(make(7), 2000).samples, 'vibration1');
    const middle = mean(values);
    const products = values.slice(1).map((value, index) => (value - middle) * (values[index]! - middle));
    expect(Math.abs(mean(products) / deviation(values) ** 2)).toBeLessThan(0.1);
  });

  it('slows down at its rate and follows the affinity laws of vibration', () => {
    const source = make(7);
    const nominal = runSource(source, 60);
    const slow = runSource(source, 120, { rpm: source.description.nominalRpm / 2 }, nominal);
    expect(mean(valuesOf(slow.samples.slice(-30), 'vibration1'))).toBeLessThan(
      0.6 * mean(valuesOf(nominal.samples, 'vibration1')),
    );
    const stopped = runSource(source, 120, { running: false }, slow);
    expect(mean(valuesOf(stopped.samples.slice(-30), 'vibration1'))).toBeLessThan(0.01);
  });

  it.each(['bearing-inner-race', 'bearing-outer-race', 'bearing-ball', 'imbalance'] as const)(
    'shows %s in the vibration from its sample on, in telemetry and waveform alike',
    (kind) => {
      const source = make(7, [{ kind, startsAtSample: 500 }]);
      const { samples, state } = runSource(source, 600);
      expect(Math.abs(shift(samples.slice(0, 400), samples.slice(400, 500), 'vibration1'))).toBeLessThan(1);
      expect(shift(samples.slice(0, 400), samples.slice(540), 'vibration1')).toBeGreaterThan(20);
      expect(samples.findIndex((sample) => sample.truth.anomaly)).toBe(500);
      expect(samples[599]!.truth.faults).toEqual([kind]);
      const waveform = source.waveform(state, { rpm: 1, running: true }, 2, 0);
      const published = mean(valuesOf(samples.slice(-30), 'vibration1'));
      expect(rms(waveform.samples) / published).toBeGreaterThan(0.97);
      expect(rms(waveform.samples) / published).toBeLessThan(1.03);
    },
  );

  it('lets a sensor drift or stick without touching the machine', () => {
    const faults: Fault[] = [
      { kind: 'sensor-stuck', channel: 'vibration1', startsAtSample: 100 },
      { kind: 'sensor-drift', channel: 'vibration2', startsAtSample: 100 },
    ];
    const faulty = runSource(make(7, faults), 300).samples;
    const healthy = runSource(make(7), 300).samples;
    expect(new Set(valuesOf(faulty.slice(100), 'vibration1')).size).toBe(1);
    expect(shift(faulty.slice(0, 100), faulty.slice(280), 'vibration2')).toBeGreaterThan(100);
    for (const [index, sample] of faulty.entries()) {
      for (const name of Object.keys(sample.channels)) {
        if (name.startsWith('vibration')) continue;
        expect(sample.channels[name]).toBe(healthy[index]!.channels[name]);
      }
    }
  });

  it('refuses faults that it cannot have, naming the field', () => {
    expect(() => make(7, [{ kind: 'sensor-stuck', channel: 'nope', startsAtSample: 0 }])).toThrow(
      /fault.channel, one of /,
    );
    expect(() => make(7, [{ kind: 'imbalance', startsAtSample: 0, severity: 2 }])).toThrow(
      /fault.severity is 2; it must be 0 to 1/,
    );
    expect(() => make(7, [{ kind: 'rust' as never, startsAtSample: 0 }])).toThrow(
      /cannot have the fault "rust"/,
    );
  });

  it('refuses a capture longer than it can take', () => {
    const source = make(7);
    expect(() => source.waveform(source.initial(), { rpm: 1, running: true }, 11, 0)).toThrow(
      /seconds is 11; it must be 0.01 to 10/,
    );
  });
});

describe('the pump model', () => {
  const stationary = (rpmRatio: number) => {
    const source = pumpModel({ seed: 3 });
    const { samples } = runSource(source, 400, { rpm: source.description.nominalRpm * rpmRatio });
    return (channel: string) => mean(valuesOf(samples.slice(-100), channel));
  };

  it('follows the affinity laws: flow about with the speed, head about with its square, current more than that', () => {
    const [full, half] = [stationary(1), stationary(0.7)];
    expect(half('flow') / full('flow')).toBeGreaterThan(0.6);
    expect(half('flow') / full('flow')).toBeLessThan(0.72);
    expect(half('pressure') / full('pressure')).toBeGreaterThan(0.45);
    expect(half('pressure') / full('pressure')).toBeLessThan(0.55);
    expect(half('current')).toBeLessThan(0.75 * full('current'));
  });

  it('answers a closing valve with less flow and more pressure, and cavitation with less of both', () => {
    const run = (kind: Fault['kind']) =>
      runSource(pumpModel({ seed: 3, faults: [{ kind, startsAtSample: 500 }] }), 700).samples;
    const valve = run('valve-closing');
    expect(shift(valve.slice(0, 400), valve.slice(600), 'flow')).toBeLessThan(-20);
    expect(shift(valve.slice(0, 400), valve.slice(600), 'pressure')).toBeGreaterThan(10);
    const bubbles = run('cavitation');
    expect(shift(bubbles.slice(0, 400), bubbles.slice(600), 'flow')).toBeLessThan(-5);
    expect(shift(bubbles.slice(0, 400), bubbles.slice(600), 'vibration1')).toBeGreaterThan(20);
  });

  it('names its channels as the recorded test bed does', () => {
    expect(Object.keys(runSource(pumpModel({ seed: 1 }), 1).samples[0]!.channels)).toEqual(
      PUMP_CHANNELS.map(({ name }) => name),
    );
  });

  it('refuses the fault of another machine', () => {
    expect(() => pumpModel({ seed: 1, faults: [{ kind: 'filter-clogging', startsAtSample: 0 }] })).toThrow(
      /a pump cannot have/,
    );
  });
});

describe('the HVAC model', () => {
  const run = (kind: Fault['kind']) =>
    runSource(hvacModel({ seed: 3, faults: [{ kind, startsAtSample: 500 }] }), 900).samples;

  it('answers a clogging filter with pressure drop, less air, less current', () => {
    const samples = run('filter-clogging');
    expect(shift(samples.slice(0, 400), samples.slice(600), 'filterPressureDrop')).toBeGreaterThan(50);
    expect(shift(samples.slice(0, 400), samples.slice(600), 'airflow')).toBeLessThan(-20);
    expect(shift(samples.slice(0, 400), samples.slice(600), 'fanCurrent')).toBeLessThan(-5);
  });

  it('answers a valve that does not open with warmer air', () => {
    const samples = run('valve-closing');
    expect(shift(samples.slice(0, 400), samples.slice(800), 'supplyTemperature')).toBeGreaterThan(20);
  });

  it('has every channel that it describes', () => {
    expect(Object.keys(run('imbalance')[0]!.channels)).toEqual(HVAC_CHANNELS.map(({ name }) => name));
  });
});
