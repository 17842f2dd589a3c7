import { describe, expect, it } from 'vitest';
import {
  FAULT_KINDS,
  hvacModel,
  pumpModel,
  type DeviceSource,
  type Fault,
  type FaultKind,
} from '@shoal/device-sim';
import { diagnoseVibration } from '../src/index.ts';
import { DeviceMonitor } from '../src/core/agent/device-monitor.ts';
import type { Incident } from '../src/core/incident/incident-machine.ts';

const DAY_SAMPLES = 86_400;
/** The slow wave of the room temperature of an air handling unit. */
const WAVE_SAMPLES = 7200;

interface Watched {
  readonly samples: number;
  /** First sample that the agent sees. */
  readonly from?: number;
  /** Whether a sample arrives; by default all do. */
  readonly arrives?: (index: number) => boolean;
}

/** The incidents that an agent with default settings opens over a device at nominal speed, one sample a second. */
function incidentsOf(
  source: DeviceSource,
  { samples, from = 0, arrives = () => true }: Watched,
): readonly Incident[] {
  const monitor = new DeviceMonitor();
  const setpoint = { rpm: source.description.nominalRpm, running: true };
  const opened: Incident[] = [];
  let state = source.initial();
  for (let index = 0; index < from + samples; index++) {
    const next = source.next(state, setpoint)!;
    state = next.state;
    if (index < from || !arrives(index)) continue;
    const observed = monitor.observe({
      schemaVersion: 1,
      deviceId: 'd',
      seq: index,
      at: new Date(index * 1000).toISOString(),
      channels: next.sample.channels,
    });
    for (const { type, incident } of observed?.events ?? []) if (type === 'opened') opened.push(incident);
  }
  return opened;
}

const models: readonly [string, (seed: number, faults?: readonly Fault[]) => DeviceSource][] = [
  ['pump', (seed, faults = []) => pumpModel({ seed, faults })],
  ['hvac', (seed, faults = []) => hvacModel({ seed, faults })],
];

/** By chance, and the same in every run: `share` of the samples arrive. */
function lossy(seed: number, share: number): (index: number) => boolean {
  let last = seed;
  return () => (last = (Math.imul(last, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32 < share;
}

describe.each(models)('a healthy %s with default settings', (_type, make) => {
  it.each([1, 2])('gives no incident in a day of every sample, seed %i', { timeout: 60_000 }, (seed) => {
    expect(incidentsOf(make(seed), { samples: DAY_SAMPLES, from: seed * 900 })).toEqual([]);
  });

  it.each([0.5, 0.25])(
    'gives none when a share of %d of its samples arrives',
    { timeout: 60_000 },
    (share) => {
      for (let seed = 1; seed <= 4; seed++) {
        const watched = { samples: 2 * WAVE_SAMPLES, from: seed * 1100, arrives: lossy(seed, share) };
        expect(incidentsOf(make(seed), watched)).toEqual([]);
      }
    },
  );

  it.each([300, 2000])('gives none when %i samples are lost in a row', { timeout: 60_000 }, (lost) => {
    for (let seed = 1; seed <= 4; seed++) {
      const arrives = (index: number): boolean => index % (1000 + lost) < 1000;
      expect(incidentsOf(make(seed), { samples: 2 * WAVE_SAMPLES, from: seed * 1100, arrives })).toEqual([]);
    }
  });

  it('is called healthy by its vibration, hour after hour', { timeout: 60_000 }, () => {
    const source = make(3);
    const setpoint = { rpm: source.description.nominalRpm, running: true };
    let state = source.initial();
    for (let hour = 0; hour < 24; hour++) {
      const waveform = source.waveform(state, setpoint, 1, hour);
      const { verdict } = diagnoseVibration(waveform.samples, {
        ...waveform,
        orders: source.description.bearing,
      });
      expect(verdict).toBe('healthy');
      state = source.next(state, setpoint)!.state;
    }
  });
});

/** Those of sensors are for `sensorFaults` and drifts, and need a channel. */
const found: readonly [string, number, FaultKind][] = models.flatMap(([type]) =>
  (Object.keys(FAULT_KINDS) as FaultKind[])
    .filter((kind) => !kind.startsWith('sensor-') && FAULT_KINDS[kind].some((machine) => machine === type))
    .flatMap((kind) => [1, 2].map((seed): [string, number, FaultKind] => [type, seed, kind])),
);

describe('a fault of a device that was healthy for an hour', () => {
  const startsAtSample = WAVE_SAMPLES / 2;

  it.each(found)('is found within two minutes: %s, seed %i, %s', (type, seed, kind) => {
    const make = models.find(([name]) => name === type)![1];
    const [first] = incidentsOf(make(seed, [{ kind, startsAtSample }]), { samples: startsAtSample + 600 });
    expect(first?.openedAtMs).toBeGreaterThan(startsAtSample * 1000);
    expect(first?.openedAtMs).toBeLessThan((startsAtSample + 120) * 1000);
  });

  it.each(found)('is found though it began in a gap: %s, seed %i, %s', (type, seed, kind) => {
    const make = models.find(([name]) => name === type)![1];
    const arrives = (index: number): boolean => index < startsAtSample || index > startsAtSample + 1000;
    const watched = { samples: startsAtSample + 1600, arrives };
    const [first] = incidentsOf(make(seed, [{ kind, startsAtSample }]), watched);
    expect(first?.openedAtMs).toBeGreaterThan((startsAtSample + 1000) * 1000);
    expect(first?.openedAtMs).toBeLessThan((startsAtSample + 1120) * 1000);
  });

  it('is found though three of four samples are lost', () => {
    for (const [, make] of models) {
      const source = make(4, [{ kind: 'imbalance', startsAtSample }]);
      const [first] = incidentsOf(source, { samples: startsAtSample + 1200, arrives: lossy(4, 0.25) });
      expect(first?.openedAtMs).toBeGreaterThan(startsAtSample * 1000);
    }
  });
});
