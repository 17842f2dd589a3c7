export {
  DEVICE_AGENT_ERROR_CODES,
  DeviceAgentError,
  isDeviceAgentError,
  type DeviceAgentErrorCode,
} from './errors.ts';
export {
  StreamingDetector,
  type Contribution,
  type Judgement,
  type SensorFault,
} from './core/detector/streaming-detector.ts';
export type { DetectorOptions } from './core/detector/options.ts';
export type { DetectorState } from './core/detector/state.ts';
export type { Baseline } from './core/detector/baseline.ts';
export {
  advanceIncidents,
  noIncidents,
  type Incident,
  type IncidentEvent,
  type IncidentKind,
  type IncidentOptions,
  type IncidentState,
} from './core/incident/incident-machine.ts';
export { evaluatePump, type PumpEvaluation } from './core/evaluation/pump.ts';
export { parsePumpCsv, type PumpRecording } from './core/evaluation/recording.ts';
