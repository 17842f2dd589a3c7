import type { Contribution, Drift, Judgement, SensorFault } from '../detector/judgement.ts';

/**
 * `anomaly`: the machine behaves differently. `drift`: one channel alone left slowly, or the baseline followed it too far; recalibrate the sensor before the machine is
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
  readonly drifts: readonly Drift[];
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

/** The state of a device that nothing ever happened to: where `advanceIncidents` begins. */
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
  if (state.open === null) {
    const bad = isBad(judgement);
    return bad || state.pressure > 0 ? build(state, judgement, atMs, bad, options) : unchanged(state);
  }
  if (state.open.kind !== 'anomaly') {
    const escalated = escalate(state, state.open, judgement, atMs, options);
    if ('events' in escalated) return escalated;
    return proceed(escalated.state, state.open, judgement, atMs, isBad(judgement), options);
  }
  // What else is wrong does not keep an anomaly open; it becomes an incident of its own afterwards.
  return proceed(state, state.open, judgement, atMs, judgement.anomalous, options);
}

function isBad({ anomalous, sensorFaults, drifts }: Judgement): boolean {
  return anomalous || sensorFaults.length > 0 || drifts.length > 0;
}

/** A broken or drifting sensor must not hide a failing machine: that is another incident. */
function escalate(
  state: IncidentState,
  open: Incident,
  judgement: Judgement,
  atMs: number,
  options: IncidentOptions,
): ReturnType<typeof advanceIncidents> | { readonly state: IncidentState } {
  const failing = judgement.anomalous && kindOf(judgement, options) === 'anomaly';
  const pressure = Math.max(0, state.pressure + (failing ? 1 : -1));
  if (!failing || pressure < (options.openAfterSamples ?? 5)) return { state: { ...state, pressure } };
  const closed = clear(state, open, atMs);
  const again = build({ ...closed.state, pressure: pressure - 1 }, judgement, atMs, true, options);
  return { state: again.state, events: [...closed.events, ...again.events] };
}

function proceed(
  state: IncidentState,
  open: Incident,
  judgement: Judgement,
  atMs: number,
  bad: boolean,
  options: IncidentOptions,
): ReturnType<typeof advanceIncidents> {
  if (bad) return worsen(state, open, judgement);
  const goodInARow = state.goodInARow + 1;
  if (goodInARow < (options.clearAfterSamples ?? 60)) return unchanged({ ...state, goodInARow });
  return clear(state, open, atMs);
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
    sinceMs:
      judgement.sinceMs ??
      Math.min(atMs, ...[...judgement.sensorFaults, ...judgement.drifts].map(({ sinceMs }) => sinceMs)),
    openedAtMs: atMs,
    clearedAtMs: null,
    peakScore: judgement.score,
    anomalousSamples: pressure,
    evidence: judgement.contributions.slice(0, MAX_EVIDENCE),
    sensorFaults: judgement.sensorFaults,
    drifts: judgement.drifts,
  };
  const next = { ...state, opened, open: incident, pressure: 0, goodInARow: 0 };
  return { state: next, events: [{ type: 'opened', incident }] };
}

function worsen(
  state: IncidentState,
  open: Incident,
  judgement: Judgement,
): ReturnType<typeof advanceIncidents> {
  const stronger = judgement.score > open.peakScore;
  const incident: Incident = {
    ...open,
    peakScore: Math.max(open.peakScore, judgement.score),
    anomalousSamples: open.anomalousSamples + 1,
    evidence: stronger ? judgement.contributions.slice(0, MAX_EVIDENCE) : open.evidence,
    sensorFaults: judgement.sensorFaults.length > 0 ? judgement.sensorFaults : open.sensorFaults,
    drifts: judgement.drifts.length > 0 ? judgement.drifts : open.drifts,
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
  if (!judgement.anomalous) return judgement.sensorFaults.length > 0 ? 'sensor-fault' : 'drift';
  const slow = judgement.risingSamples >= (options.driftAfterSamples ?? 120);
  return slow && judgement.contributions.length === 1 ? 'drift' : 'anomaly';
}

function unchanged(state: IncidentState): ReturnType<typeof advanceIncidents> {
  return { state, events: [] };
}
