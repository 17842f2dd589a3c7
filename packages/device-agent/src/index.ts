export {
  DEVICE_AGENT_ERROR_CODES,
  DeviceAgentError,
  isDeviceAgentError,
  type DeviceAgentErrorCode,
} from './errors.ts';
export { StreamingDetector } from './core/detector/streaming-detector.ts';
export type { Contribution, Drift, Judgement, SensorFault } from './core/detector/judgement.ts';
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
export {
  diagnoseVibration,
  type BearingOrders,
  type BearingScore,
  type VibrationDiagnosis,
  type VibrationEvidence,
  type VibrationOptions,
  type VibrationVerdict,
} from './core/vibration/diagnose.ts';
export type { SpectrumLine } from './core/vibration/defect-lines.ts';
export {
  envelopeSpectrum,
  powerSpectrum,
  transformWaveform,
  type Band,
  type Spectrum,
} from './core/vibration/spectrum.ts';
export { plotSpectrum, type PlotOptions } from './core/vibration/plot.ts';
export { plotDiagnosis, type DiagnosisPlots } from './core/vibration/plot-diagnosis.ts';
export { openModes } from './core/vibration/open-modes.ts';
export { evaluateBearing, type BearingEvaluation, type BearingRecording } from './core/evaluation/bearing.ts';
export { startDeviceAgent } from './io/device-agent.ts';
export type { AgentEnd, DeviceAgent, DeviceAgentOptions } from './io/device-agent-options.ts';
export type { DeviceReasoner, ReasonerContext, ReasonerTool } from './io/explainer.ts';
export type { OperateAnswer } from './io/operator.ts';
export { DEVICE_EXTENSION, type DeviceDescription } from './core/agent/card.ts';
export {
  CONTEXT_KIND,
  validateContext,
  type DeviceContext,
  type DeviceSpeed,
} from './core/agent/device-context.ts';
export type { DeviceHealth, DeviceRelation, DeviceStatus } from './core/agent/status.ts';
export { statusOfContext } from './core/agent/status-of-context.ts';
export type { IncidentEvidence, IncidentMessage, IncidentRequest } from './core/agent/requests.ts';
