import type { Contribution, Judgement, SensorFault } from '../detector/judgement.ts';

/**
 * `anomaly`: the machine behaves differently. `drift`: one channel alone left slowly; recalibrate the sensor before the machine is
 * taken apart. `sensor-fault`: a sensor is missing or stuck.
 */
export type IncidentKind = 'anomaly' | 'drift' | 'sensor-fault';

export interface Incident {
  readonly id: string;
  readonly kind: IncidentKind;
  /** When the excursion began and when it was certain, milliseconds since 1970. */
  readonly sinceMs: number;
  readonly openedAtMs: number;
  readonly clearedAtMs: number | null;
  /** 1 is the threshold. */
  readonly peakScore: number;
  readonly anomalousSamples: number;
  /** The strongest channels when the score was highest. */
  readonly evidence: readonly Contribution[];
  readonly sensorFaults: readonly SensorFault[];
}

export interface IncidentOptions {
  /** An incident opens when this many samples more were bad than good. Default 5. */
  readonly openAfterSamples?: number;
  /** It clears after this many good samples in a row. Default 60. */
  readonly clearAfterSamples?: number;
  /** One channel alone that took this many samples to cross the threshold is a drift. Default 120. */
  readonly driftAfterSamples?: number;
}

export interface IncidentState {
  readonly schemaVersion: 1;
  /** Incidents opened so far: part of the next id. */
  readonly opened: number;
  readonly open: Incident | null;
  /** Bad samples minus good ones, floored at 0, while nothing is open. */
  readonly pressure: number;
  readonly goodInARow: number;
  /** Newest last, at most 20. */
  readonly history: readonly Incident[];
}

export type IncidentEvent = { readonly type: 'opened' | 'cleared'; readonly incident: Incident };

export const INCIDENT_HISTORY = 20;
const MAX_EVIDENCE = 5;

export const noIncidents: IncidentState = {
  schemaVersion: 1,
  opened: 0,
  open: null,
  pressure: 0,
  goodInARow: 0,
  history: [],
};

/** One judged sample in, the next state and what happened out. A flood of bad samples is one event. */
export function advanceIncidents(
  state: IncidentState,
  judgement: Judgement,
  atMs: number,
  options: IncidentOptions = {},
): { readonly state: IncidentState; readonly events: readonly IncidentEvent[] } {
  const bad = judgement.anomalous || judgement.sensorFaults.length > 0;
  if (state.open === null)
    return bad || state.pressure > 0 ? build(state, judgement, atMs, bad, options) : unchanged(state);
  if (bad) return worsen(state, state.open, judgement, atMs, options);
  const goodInARow = state.goodInARow + 1;
  if (goodInARow < (options.clearAfterSamples ?? 60)) return unchanged({ ...state, goodInARow });
  return clear(state, state.open, atMs);
}

function build(
  state: IncidentState,
  judgement: Judgement,
  atMs: number,
  bad: boolean,
  options: IncidentOptions,
): ReturnType<typeof advanceIncidents> {
  const pressure = Math.max(0, state.pressure + (bad ? 1 : -1));
  if (!bad || pressure < (options.openAfterSamples ?? 5)) return unchanged({ ...state, pressure });
  const opened = state.opened + 1;
  const incident: Incident = {
    id: `${opened}-${Math.max(0, Math.round(atMs)).toString(36)}`,
    kind: kindOf(judgement, options),
    sinceMs: judgement.sinceMs ?? Math.min(atMs, ...judgement.sensorFaults.map((fault) => fault.sinceMs)),
    openedAtMs: atMs,
    clearedAtMs: null,
    peakScore: judgement.score,
    anomalousSamples: pressure,
    evidence: judgement.contributions.slice(0, MAX_EVIDENCE),
    sensorFaults: judgement.sensorFaults,
  };
  const next = { ...state, opened, open: incident, pressure: 0, goodInARow: 0 };
  return { state: next, events: [{ type: 'opened', incident }] };
}

function worsen(
  state: IncidentState,
  open: Incident,
  judgement: Judgement,
  atMs: number,
  options: IncidentOptions,
): ReturnType<typeof advanceIncidents> {
  if (open.kind === 'sensor-fault' && judgement.anomalous) {
    // A broken sensor must not hide a failing machine: this is another incident.
    const closed = clear(state, open, atMs);
    const again = build(
      { ...closed.state, pressure: (options.openAfterSamples ?? 5) - 1 },
      judgement,
      atMs,
      true,
      options,
    );
    return { state: again.state, events: [...closed.events, ...again.events] };
  }
  const stronger = judgement.score > open.peakScore;
  const incident: Incident = {
    ...open,
    peakScore: Math.max(open.peakScore, judgement.score),
    anomalousSamples: open.anomalousSamples + 1,
    evidence: stronger ? judgement.contributions.slice(0, MAX_EVIDENCE) : open.evidence,
    sensorFaults: judgement.sensorFaults.length > 0 ? judgement.sensorFaults : open.sensorFaults,
  };
  return unchanged({ ...state, open: incident, goodInARow: 0 });
}

function clear(state: IncidentState, open: Incident, atMs: number): ReturnType<typeof advanceIncidents> {
  const incident = { ...open, clearedAtMs: atMs };
  const history = [...state.history, incident].slice(-INCIDENT_HISTORY);
  return {
    state: { ...state, open: null, pressure: 0, goodInARow: 0, history },
    events: [{ type: 'cleared', incident }],
  };
}

function kindOf(judgement: Judgement, options: IncidentOptions): IncidentKind {
  if (!judgement.anomalous) return 'sensor-fault';
  const slow = judgement.risingSamples >= (options.driftAfterSamples ?? 120);
  return slow && judgement.contributions.length === 1 ? 'drift' : 'anomaly';
}

function unchanged(state: IncidentState): ReturnType<typeof advanceIncidents> {
  return { state, events: [] };
}
