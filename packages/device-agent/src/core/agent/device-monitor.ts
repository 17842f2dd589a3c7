import type { Telemetry } from '@shoal/protocol';
import { MAX_CHANNELS, type DetectorOptions } from '../detector/options.ts';
import type { DetectorState } from '../detector/state.ts';
import type { Judgement } from '../detector/judgement.ts';
import { StreamingDetector } from '../detector/streaming-detector.ts';
import {
  advanceIncidents,
  noIncidents,
  type IncidentEvent,
  type IncidentOptions,
  type IncidentState,
} from '../incident/incident-machine.ts';
import { parseIncidentState } from '../incident/incident-state.ts';

export interface MonitorState {
  readonly detector: DetectorState | null;
  readonly incidents: IncidentState;
  readonly lastSample: Telemetry | null;
  /** Samples taken; those that repeated the one before are not counted. */
  readonly received: number;
}

export interface Observation {
  readonly judgement: Judgement;
  readonly events: readonly IncidentEvent[];
}

/** What a device agent knows of its device's signal: telemetry in, judgements and incidents out. No clock: time is the sample's. */
export class DeviceMonitor {
  readonly #detectorOptions: DetectorOptions;
  readonly #incidentOptions: IncidentOptions;
  #detector: StreamingDetector | undefined;
  #incidents: IncidentState;
  #lastSample: Telemetry | undefined;
  #judgement: Judgement | undefined;
  #received: number;

  constructor(detector: DetectorOptions = {}, incidents: IncidentOptions = {}, saved?: MonitorState) {
    this.#detectorOptions = detector;
    this.#incidentOptions = incidents;
    this.#detector =
      saved === undefined || saved.detector === null ? undefined : StreamingDetector.restore(saved.detector);
    this.#incidents = saved?.incidents ?? noIncidents;
    this.#lastSample = saved?.lastSample ?? undefined;
    this.#received = saved?.received ?? 0;
  }

  get detector(): StreamingDetector | undefined {
    return this.#detector;
  }

  get incidents(): IncidentState {
    return this.#incidents;
  }

  get lastSample(): Telemetry | undefined {
    return this.#lastSample;
  }

  /** Of the last sample; undefined before the first one since the start. */
  get judgement(): Judgement | undefined {
    return this.#judgement;
  }

  get received(): number {
    return this.#received;
  }

  /** Undefined for a sample that repeats the last one. The first sample fixes the channels. */
  observe(sample: Telemetry): Observation | undefined {
    const last = this.#lastSample;
    if (last !== undefined && last.seq === sample.seq && last.at === sample.at) return undefined;
    this.#lastSample = sample;
    this.#received++;
    const channels = Object.keys(sample.channels).slice(0, MAX_CHANNELS);
    if (this.#detector === undefined && channels.length === 0) return undefined;
    this.#detector ??= new StreamingDetector(channels, this.#detectorOptions);
    const atMs = Date.parse(sample.at);
    const judgement = this.#detector.push(
      this.#detector.channels.map((channel) => sample.channels[channel]),
      atMs,
    );
    const { state, events } = advanceIncidents(this.#incidents, judgement, atMs, this.#incidentOptions);
    this.#incidents = state;
    this.#judgement = judgement;
    return { judgement, events };
  }

  /** Forgets the baseline and learns again; an open incident ends. For a machine that was repaired or runs differently on purpose. */
  relearn(): void {
    this.#detector = undefined;
    this.#judgement = undefined;
    const { open } = this.#incidents;
    if (open === null) return;
    const clearedAtMs = this.#lastSample === undefined ? open.openedAtMs : Date.parse(this.#lastSample.at);
    const closed = { ...open, clearedAtMs };
    this.#incidents = {
      ...this.#incidents,
      open: null,
      pressure: 0,
      history: [...this.#incidents.history, closed].slice(-20),
    };
  }

  state(): MonitorState {
    return {
      detector: this.#detector?.state() ?? null,
      incidents: this.#incidents,
      lastSample: this.#lastSample ?? null,
      received: this.#received,
    };
  }
}

/** Throws `invalid-state` naming the field. */
export function parseMonitorState(value: Record<string, unknown>): MonitorState {
  return {
    detector: value['detector'] === null ? null : StreamingDetector.restore(value['detector']).state(),
    incidents: parseIncidentState(value['incidents']),
    lastSample: (value['lastSample'] ?? null) as Telemetry | null,
    received: typeof value['received'] === 'number' ? value['received'] : 0,
  };
}
