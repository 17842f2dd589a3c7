import type { WorkOrder } from '@shoal/protocol';
import type { Evidence } from './evidence.ts';

/** The document that `--json` prints. Times are ISO 8601, UTC. */
export interface FleetReport {
  /** A work order was written (with `--once`), or the fleet ran until it was told to stop. */
  readonly ok: boolean;
  /** Why not. */
  readonly reason?: string;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly broker: { readonly kind: 'embedded' | 'external'; readonly url: string };
  readonly input: 'recordings' | 'models';
  readonly speed: number;
  readonly devices: readonly ReportedDevice[];
  readonly anomalies: readonly ReportedAnomaly[];
  readonly sessions: readonly ReportedSession[];
  readonly workOrder: WorkOrder | null;
  /** What models were asked. Empty without one. */
  readonly reasoning: readonly ReportedDecision[];
  /** Processes that died and were started again. */
  readonly restarts: readonly { readonly process: string; readonly how: string; readonly at: string }[];
}

export interface ReportedDevice {
  readonly deviceId: string;
  readonly agentId: string;
  readonly type: string;
  /** Where its signal comes from: a recording or a model. */
  readonly source: string;
  /** Of its agent, when the report was written. */
  readonly presence: string;
}

export interface ReportedAnomaly extends Evidence {
  readonly sessionId: string;
  readonly observedAt: string;
}

export interface ReportedSession {
  readonly sessionId: string;
  readonly workflowId: string;
  readonly deviceId: string;
  readonly state: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly steps: readonly ReportedStep[];
}

export interface ReportedStep {
  readonly id: string;
  readonly state: string;
  readonly attempts: number;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly summary: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** From a `ReasoningRecord`. */
export interface ReportedDecision {
  readonly agentId: string;
  readonly sessionId: string | null;
  readonly stepId: string | null;
  readonly purpose: string;
  readonly by: 'model' | 'rules' | 'nobody';
  /** The model that was asked. */
  readonly model: string | null;
  readonly decision: unknown;
  readonly tokens: number;
  readonly seconds: number;
  /** Why the model did not decide. */
  readonly error: { readonly code: string; readonly message: string } | null;
}
