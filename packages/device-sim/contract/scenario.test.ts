/** Fleets from models, and from the recordings where they are. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  createScenario,
  findDataFolder,
  isDeviceSimError,
  readRecordings,
  readWaveform,
  readWaveformManifest,
  type ScenarioDevice,
} from '../src/index.ts';
import { runSource, shift } from '../test/run-source.ts';
import { envelope, floorOf, peakNear } from '../test/spectrum.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const dataFolder = findDataFolder(here);
if (dataFolder === undefined)
  process.stderr.write('no recordings (SHOAL_DATA, ../shared/data): tests that need them are skipped\n');

/** How far the envelope of a capture after `count` samples stands out at BPFI. */
const innerRace = (device: ScenarioDevice, count: number): number => {
  const { source } = device;
  const { state } = runSource(source, count);
  const { samples, sampleRateHz, shaftRpm } = source.waveform(
    state,
    { rpm: source.description.nominalRpm, running: true },
    2,
    0,
  );
  const signal = envelope(samples, sampleRateHz, 2000);
  return (
    peakNear(signal, sampleRateHz, (source.description.bearing.bpfi * shaftRpm) / 60) /
    floorOf(signal, sampleRateHz, 20, 600)
  );
};

/** Learnt on the first 400 samples, as the benchmark does. */
const expectTheFaultAlone = (devices: readonly ScenarioDevice[]): void => {
  const faulty = devices.filter((device) => device.truth !== undefined);
  expect(faulty).toHaveLength(1);
  const [device] = faulty;
  const { startsAtSample } = device!.truth!;
  expect(startsAtSample).toBeGreaterThanOrEqual(400);
  const { samples } = runSource(device!.source, startsAtSample + 150);
  const rise = shift(samples.slice(0, 400), samples.slice(startsAtSample + 50), 'vibration1');
  expect(rise).toBeGreaterThan(20);
  expect(innerRace(device!, startsAtSample)).toBeLessThan(5);
  expect(innerRace(device!, startsAtSample + 40)).toBeGreaterThan(8);
  for (const healthy of devices.filter((candidate) => candidate.truth === undefined)) {
    const run = runSource(healthy.source, 1000).samples;
    expect(run.some((sample) => sample.truth.anomaly || sample.truth.faults.length > 0)).toBe(false);
    expect(shift(run.slice(0, 400), run.slice(900), 'vibration1')).toBeLessThan(rise / 2);
  }
};

describe('a fleet of models', () => {
  it('has one pump in which vibration rises and the envelope names the inner race', async () => {
    const { devices, input } = await createScenario();
    expect(input).toBe('models');
    expect(devices.map(({ source }) => source.description.kind)).toEqual(
      Array.from({ length: 8 }, () => 'model'),
    );
    expectTheFaultAlone(devices);
  });

  it('differs from machine to machine a little, and not from run to run', async () => {
    const [one, two] = await Promise.all([createScenario({ seed: 3 }), createScenario({ seed: 3 })]);
    const first = ({ source }: ScenarioDevice) => runSource(source, 3).samples;
    expect(one.devices.map(first)).toEqual(two.devices.map(first));
    const nominal = one.devices.map(({ source }) => source.description.nominalRpm);
    expect(new Set(nominal).size).toBeGreaterThan(4);
  });
});

describe.skipIf(dataFolder === undefined)('a fleet from recordings', () => {
  it('has one pump with the recorded rise of vibration, chosen by content, and the recorded bearing', async () => {
    const { devices, input } = await createScenario({ dataFolder: dataFolder! });
    expect(input).toBe('recordings');
    const kinds = devices.map(({ type, source }) => `${type} ${source.description.kind}`);
    expect(new Set(kinds)).toEqual(new Set(['pump replay', 'hvac model']));
    expectTheFaultAlone(devices);
    const faulty = devices.find((device) => device.truth !== undefined);
    expect(faulty?.truth?.origin).toMatch(/^pump.other.\d+\.csv$/);
    expect(JSON.stringify(faulty?.source.description)).not.toMatch(/inner|_IR_|\.csv/);
  });

  it('plays different stretches in healthy pumps, for hours', async () => {
    const { devices } = await createScenario({ dataFolder: dataFolder!, devices: 6, faults: [] });
    const pumps = devices.filter(({ type }) => type === 'pump');
    const beginnings = pumps.map(({ source }) => JSON.stringify(runSource(source, 5).samples));
    expect(new Set(beginnings).size).toBe(3);
    expect(runSource(pumps[0]!.source, 10_000).samples).toHaveLength(10_000);
  });

  it('shows a closing valve as recorded, and models what was never recorded', async () => {
    const { devices } = await createScenario({
      dataFolder: dataFolder!,
      faults: [
        { kind: 'valve-closing', deviceId: 'pump-01' },
        { kind: 'cavitation', deviceId: 'pump-02' },
      ],
    });
    const [valve, cavitation] = devices.filter((device) => device.truth !== undefined);
    expect(valve?.source.description.kind).toBe('replay');
    const { samples } = runSource(valve!.source, valve!.truth!.startsAtSample + 150);
    expect(shift(samples.slice(0, 400), samples.slice(-100), 'flow')).toBeLessThan(-3);
    expect(cavitation?.source.description.kind).toBe('model');
  });

  it('every table and waveform can be read', async () => {
    const recordings = await readRecordings(dataFolder!);
    expect(recordings.length).toBeGreaterThan(10);
    expect(recordings.filter(({ labelled }) => !labelled).map(({ name }) => name)).toHaveLength(1);
    const manifest = await readWaveformManifest(dataFolder!);
    const waveforms = await Promise.all(manifest.recordings.map((entry) => readWaveform(dataFolder!, entry)));
    expect(waveforms.every(({ samples, entry }) => samples.length === entry.samples)).toBe(true);
  });
});

it('a data folder that is none is an error that says so', async () => {
  await expect(createScenario({ dataFolder: here })).rejects.toThrow(/ENOENT|no table/);
  const before = process.env['SHOAL_DATA'];
  process.env['SHOAL_DATA'] = here;
  try {
    expect(() => findDataFolder()).toThrow(expect.objectContaining({ code: 'no-recording' }));
  } finally {
    if (before === undefined) delete process.env['SHOAL_DATA'];
    else process.env['SHOAL_DATA'] = before;
  }
  expect(isDeviceSimError(new Error('x'))).toBe(false);
});
