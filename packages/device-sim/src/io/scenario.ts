import { hvacModel } from '../core/hvac-model.ts';
import { clearestShift, type Shift } from '../core/choose-recording.ts';
import { DeviceSimError } from '../core/errors.ts';
import type { Fault } from '../core/faults.ts';
import { pumpModel } from '../core/pump-model.ts';
import { replaySource } from '../core/replay.ts';
import { planScenario, variation, type PlannedDevice, type ScenarioOptions } from '../core/scenario-plan.ts';
import type { Recording } from '../core/skab-csv.ts';
import type { DeviceSource } from '../core/source.ts';
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
  const pumps = plan.filter((device) => device.type === 'pump');
  const devices = plan.map((device) => {
    if (device.type === 'hvac') return modelDevice(device);
    return recordedPump(device, data, pumps.indexOf(device), pumps.length);
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
  readonly healthy: Recording;
  readonly labelled: readonly Recording[];
  readonly manifest: WaveformManifest;
  readonly waveforms: ReadonlyMap<string, RecordedWaveform>;
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
  const labels = new Set(plan.flatMap(({ fault }) => BEARING_LABELS[fault?.kind ?? ''] ?? []));
  const entries = manifest.recordings.filter((entry) => entry.label === 'normal').slice(0, 1);
  for (const label of labels) {
    const chosen = chooseWaveforms(manifest, label);
    if (chosen === undefined)
      throw new DeviceSimError('no-recording', `no waveform is labelled "${label}" and one "normal"`);
    entries.push(chosen.faulty);
  }
  const waveforms = await Promise.all(entries.map((entry) => readWaveform(dataFolder, entry)));
  return {
    healthy,
    labelled: recordings.filter((recording) => recording.labelled),
    manifest,
    waveforms: new Map(waveforms.map((waveform) => [waveform.entry.label, waveform])),
  };
}

/** Rows left out at the beginning of the healthy recording: the test bed warms up. */
const WARM_UP_ROWS = 1200;
/** Rows that a healthy pump plays before it turns around. */
const STRETCH_ROWS = 2400;

function recordedPump(
  device: PlannedDevice,
  data: ScenarioData,
  position: number,
  pumps: number,
): ScenarioDevice {
  const { fault, seed } = device;
  const healthyWaveform = data.waveforms.get('normal');
  if (healthyWaveform === undefined)
    throw new DeviceSimError('no-recording', 'no waveform is labelled "normal"');
  const common = { bearing: data.manifest.bearing, healthyWaveform, seed };
  if (fault === undefined) {
    const first = Math.min(WARM_UP_ROWS, Math.max(0, data.healthy.rows.length - STRETCH_ROWS));
    const room = Math.max(0, data.healthy.rows.length - STRETCH_ROWS - first);
    const fromRow = first + Math.floor((room * position) / Math.max(1, pumps));
    const toRow = Math.min(data.healthy.rows.length, fromRow + STRETCH_ROWS);
    return {
      ...device,
      source: replaySource({ ...common, recording: data.healthy, fromRow, toRow, atEnd: 'mirror' }),
    };
  }
  const shift = recordingOf(fault.kind, data.labelled);
  // What was never recorded is modelled.
  if (shift === undefined) return modelDevice(device);
  const waveform = data.waveforms.get(BEARING_LABELS[fault.kind] ?? '');
  const faulty =
    waveform === undefined ? {} : { faulty: { waveform, faultAtRow: shift.startsAtRow, name: fault.kind } };
  const source = replaySource({ ...common, recording: shift.recording, atEnd: 'loop', ...faulty });
  const truth = { kind: fault.kind, startsAtSample: shift.startsAtRow, origin: shift.recording.name };
  return { ...device, source, truth };
}

/** The recording that shows what the fault does to telemetry: vibration that rises, or flow that falls. */
function recordingOf(kind: Fault['kind'], labelled: readonly Recording[]): Shift | undefined {
  if (kind in BEARING_LABELS) return clearestShift(labelled, ['vibration1', 'vibration2'], 1);
  if (kind === 'valve-closing') return clearestShift(labelled, ['flow'], -1);
  return undefined;
}
