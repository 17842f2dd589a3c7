import { hvacModel } from '../core/hvac-model.ts';
import { clearestShift, type Shift } from '../core/choose-recording.ts';
import { DeviceSimError } from '../core/errors.ts';
import type { Fault } from '../core/faults.ts';
import { pumpModel } from '../core/pump-model.ts';
import { replaySource } from '../core/replay.ts';
import { planScenario, variation, type PlannedDevice, type ScenarioOptions } from '../core/scenario-plan.ts';
import type { Recording } from '../core/skab-csv.ts';
import type { DeviceSource } from '../core/source.ts';
import { steadyStretches } from '../core/steady-stretches.ts';
import {
  chooseWaveforms,
  type RecordedWaveform,
  type WaveformLabel,
  type WaveformManifest,
} from '../core/waveform-manifest.ts';
import { readRecordings, readWaveform, readWaveformManifest } from './recordings.ts';

export interface CreateScenarioOptions extends ScenarioOptions {
  /** With it, pumps replay recordings; without it, everything is a model. HVAC units are models always. */
  readonly dataFolder?: string;
}

export interface ScenarioDevice extends PlannedDevice {
  readonly source: DeviceSource;
  /** What is wrong with it and from which sample on: for tests and evaluations, known to nobody else. */
  readonly truth?: { readonly kind: Fault['kind']; readonly startsAtSample: number; readonly origin: string };
}

export interface Scenario {
  readonly devices: readonly ScenarioDevice[];
  readonly input: 'recordings' | 'models';
}

/** The same options and data give the same devices. Rejects with `no-recording`, `csv-malformed`, `manifest-malformed`, … */
export async function createScenario(options: CreateScenarioOptions = {}): Promise<Scenario> {
  const plan = planScenario(options);
  if (options.dataFolder === undefined) {
    return { devices: plan.map((device) => modelDevice(device)), input: 'models' };
  }
  const data = await readData(options.dataFolder, plan);
  const healthy = plan.filter((device) => device.type === 'pump' && device.fault === undefined);
  const stretches = steadyStretches(data.healthy, healthy.length, STRETCH_ROWS);
  const devices = plan.map((device) => {
    if (device.type === 'hvac') return modelDevice(device);
    if (device.fault !== undefined) return faultyPump(device, device.fault, data);
    return healthyPump(device, data, stretches[healthy.indexOf(device) % stretches.length] ?? 0);
  });
  return { devices, input: 'recordings' };
}

function modelDevice(device: PlannedDevice): ScenarioDevice {
  const { seed, fault } = device;
  const faults: Fault[] = fault === undefined ? [] : [fault];
  const rpm = (nominal: number): number => Math.round(nominal * variation(device, 1, 0.01));
  const source: DeviceSource =
    device.type === 'pump'
      ? pumpModel({
          seed,
          faults,
          nominalRpm: rpm(1780),
          nominalFlow: Math.round(125 * variation(device, 2, 0.08)),
          baseVibration: 0.2 * variation(device, 3, 0.15),
        })
      : hvacModel({
          seed,
          faults,
          nominalRpm: rpm(1450),
          nominalAirflow: Math.round(3600 * variation(device, 2, 0.1)),
          baseVibration: 0.12 * variation(device, 3, 0.15),
        });
  if (fault === undefined) return { ...device, source };
  return {
    ...device,
    source,
    truth: { kind: fault.kind, startsAtSample: fault.startsAtSample, origin: 'model' },
  };
}

interface ScenarioData {
  /** The longest table without labels. */
  readonly healthy: Recording;
  readonly labelled: readonly Recording[];
  readonly manifest: WaveformManifest;
  readonly normal: RecordedWaveform;
  /** By label; those that the plan needs. */
  readonly faulty: ReadonlyMap<string, RecordedWaveform>;
}

const BEARING_LABELS: Readonly<Record<string, WaveformLabel>> = {
  'bearing-inner-race': 'inner-race',
  'bearing-outer-race': 'outer-race',
  'bearing-ball': 'ball',
};

async function readData(dataFolder: string, plan: readonly PlannedDevice[]): Promise<ScenarioData> {
  const [recordings, manifest] = await Promise.all([
    readRecordings(dataFolder),
    readWaveformManifest(dataFolder),
  ]);
  const healthy = recordings
    .filter((recording) => !recording.labelled)
    .sort((a, b) => b.rows.length - a.rows.length)[0];
  if (healthy === undefined)
    throw new DeviceSimError('no-recording', `${dataFolder}/pump has no table without labels`);
  const normal = manifest.recordings.find((entry) => entry.label === 'normal');
  if (normal === undefined)
    throw new DeviceSimError('no-recording', 'no waveform of the manifest is labelled "normal"');
  const faulty = new Map<string, RecordedWaveform>();
  for (const label of new Set(plan.flatMap(({ fault }) => BEARING_LABELS[fault?.kind ?? ''] ?? []))) {
    const entry = chooseWaveforms(manifest, label)?.faulty;
    if (entry === undefined)
      throw new DeviceSimError('no-recording', `no waveform of the manifest is labelled "${label}"`);
    faulty.set(label, await readWaveform(dataFolder, entry));
  }
  const labelled = recordings.filter((recording) => recording.labelled);
  return { healthy, labelled, manifest, normal: await readWaveform(dataFolder, normal), faulty };
}

/** Rows that a healthy pump plays before it turns around: enough to learn from, and half as many again. */
const STRETCH_ROWS = 600;

function healthyPump(device: PlannedDevice, data: ScenarioData, fromRow: number): ScenarioDevice {
  const { healthy: recording, manifest, normal: healthyWaveform } = data;
  const toRow = Math.min(recording.rows.length, fromRow + STRETCH_ROWS);
  const { bearing } = manifest;
  const source = replaySource({
    recording,
    fromRow,
    toRow,
    atEnd: 'mirror',
    bearing,
    healthyWaveform,
    seed: device.seed,
  });
  return { ...device, source };
}

function faultyPump(
  device: PlannedDevice,
  fault: NonNullable<PlannedDevice['fault']>,
  data: ScenarioData,
): ScenarioDevice {
  const shift = recordingOf(fault.kind, data.labelled);
  // What was never recorded is modelled.
  if (shift === undefined) return modelDevice(device);
  const { recording, startsAtRow } = shift;
  const waveform = data.faulty.get(BEARING_LABELS[fault.kind] ?? '');
  const source = replaySource({
    recording,
    atEnd: 'mirror',
    bearing: data.manifest.bearing,
    healthyWaveform: data.normal,
    seed: device.seed,
    ...(waveform === undefined ? {} : { faulty: { waveform, faultAtRow: startsAtRow, name: fault.kind } }),
  });
  return {
    ...device,
    source,
    truth: { kind: fault.kind, startsAtSample: startsAtRow, origin: recording.name },
  };
}

/** The recording that shows what the fault does to telemetry: vibration that rises, or flow that falls. */
function recordingOf(kind: Fault['kind'], labelled: readonly Recording[]): Shift | undefined {
  if (kind in BEARING_LABELS) return clearestShift(labelled, ['vibration1', 'vibration2'], 1);
  if (kind === 'valve-closing') return clearestShift(labelled, ['flow'], -1);
  return undefined;
}
