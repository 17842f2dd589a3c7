export { bearingOrders, FAN_BEARING, PUMP_BEARING, type BearingGeometry } from './core/bearings.ts';
export { decodeSamples, type CaptureChunk } from './core/captures.ts';
export { HVAC_CHANNELS, PUMP_CHANNELS } from './core/channels.ts';
export { clearestShift, labelledShift, LEARNING_ROWS, type Shift } from './core/choose-recording.ts';
export type { CommandAnswer } from './core/device-control.ts';
export {
  DEVICE_SIM_ERROR_CODES,
  DeviceSimError,
  isDeviceSimError,
  type DeviceSimErrorCode,
} from './core/errors.ts';
export { FAULT_KINDS, type Fault, type FaultKind } from './core/faults.ts';
export { hvacModel, type HvacModelOptions, type HvacState } from './core/hvac-model.ts';
export { pumpModel, type PumpModelOptions, type PumpState } from './core/pump-model.ts';
export { replaySource, type AtEnd, type ReplayOptions, type ReplayState } from './core/replay.ts';
export {
  planScenario,
  type DeviceRelation,
  type PlannedDevice,
  type ScenarioFault,
  type ScenarioOptions,
} from './core/scenario-plan.ts';
export {
  firstAnomaly,
  parseSkabCsv,
  SKAB_COLUMNS,
  type RecordedRow,
  type Recording,
} from './core/skab-csv.ts';
export type {
  Bearing,
  BearingOrders,
  ChannelSpec,
  DeviceSample,
  DeviceSource,
  GroundTruth,
  MachineDescription,
  MachineType,
  Setpoint,
  Waveform,
} from './core/source.ts';
export { synthesizeVibration, type VibrationInput, type VibrationParts } from './core/vibration.ts';
export {
  chooseWaveforms,
  decodeWaveform,
  parseWaveformManifest,
  type RecordedWaveform,
  type WaveformEntry,
  type WaveformLabel,
  type WaveformManifest,
} from './core/waveform-manifest.ts';
export type { Device, DeviceState } from './io/device.ts';
export {
  findDataFolder,
  isDataFolder,
  readRecording,
  readRecordings,
  readWaveform,
  readWaveformManifest,
} from './io/recordings.ts';
export {
  createScenario,
  type CreateScenarioOptions,
  type Scenario,
  type ScenarioDevice,
} from './io/scenario.ts';
export { deviceMcpServer, startDevice, type StartDeviceOptions } from './io/start-device.ts';
