import type { Incident } from '../incident/incident-machine.ts';
import type { DeviceSpeed } from './device-context.ts';
import type { DeviceMonitor } from './device-monitor.ts';
import type { IncidentRequest } from './requests.ts';

export interface DeviceRelation {
  readonly deviceId: string;
  /** `feeds`, `fed-by`, `standby`, or a word of the plant's own. */
  readonly relation: string;
}

export type DeviceHealth = 'silent' | 'learning' | 'healthy' | 'anomalous' | 'drifting' | 'sensor-fault';

export interface DeviceStatus {
  readonly deviceId: string;
  readonly agentId: string;
  readonly health: DeviceHealth;
  /** Share of what the device can do, in %; null when it does not say. */
  readonly loadPercent: number | null;
  readonly headroomPercent: number | null;
  readonly running: boolean | null;
  readonly speed: DeviceSpeed | null;
  readonly phase: 'learning' | 'judging';
  readonly learnedSamples: number;
  readonly score: number;
  readonly incident: IncidentSummary | null;
  readonly recentIncidents: readonly IncidentSummary[];
  readonly requests: readonly Omit<IncidentRequest, 'message'>[];
  readonly channels: readonly ChannelStatus[];
  readonly relations: readonly DeviceRelation[];
  readonly telemetry: {
    readonly received: number;
    readonly malformed: number;
    readonly lastAt: string | null;
  };
}

export interface IncidentSummary {
  readonly id: string;
  readonly kind: Incident['kind'];
  readonly since: string;
  readonly clearedAt: string | null;
  readonly peakScore: number;
  readonly channels: readonly string[];
}

export interface ChannelStatus {
  readonly channel: string;
  readonly unit: string;
  readonly value: number | null;
  /** Null while learning. */
  readonly typical: number | null;
  readonly normalLow: number | null;
  readonly normalHigh: number | null;
}

export interface StatusInput {
  readonly deviceId: string;
  readonly agentId: string;
  readonly monitor: DeviceMonitor;
  readonly speed: DeviceSpeed | null;
  /** The channel that says how much the device carries, and its value at full load. Default: speed over highest speed. */
  readonly load?: { readonly channel: string; readonly full: number };
  readonly requests: readonly IncidentRequest[];
  readonly relations: readonly DeviceRelation[];
  readonly malformed: number;
}

export function deviceStatus(input: StatusInput): DeviceStatus {
  const { monitor, speed } = input;
  const { open, history } = monitor.incidents;
  const load = loadOf(input);
  const detector = monitor.detector;
  return {
    deviceId: input.deviceId,
    agentId: input.agentId,
    health: healthOf(monitor),
    loadPercent: load,
    headroomPercent: load === null ? null : percent(1 - load / 100),
    running: speed?.running ?? null,
    speed,
    phase: detector?.baseline === undefined ? 'learning' : 'judging',
    learnedSamples: detector?.learnedSamples ?? 0,
    score: monitor.judgement?.score ?? 0,
    incident: open === null ? null : summarize(open),
    recentIncidents: history.slice(-5).map(summarize),
    requests: input.requests.map(withoutMessage),
    channels: channelsOf(monitor),
    relations: input.relations,
    telemetry: {
      received: monitor.received,
      malformed: input.malformed,
      lastAt: monitor.lastSample?.at ?? null,
    },
  };
}

export function healthOf(monitor: DeviceMonitor): DeviceHealth {
  const { open } = monitor.incidents;
  if (open?.kind === 'sensor-fault') return 'sensor-fault';
  if (open?.kind === 'drift') return 'drifting';
  if (open !== null) return 'anomalous';
  if (monitor.lastSample === undefined) return 'silent';
  return monitor.detector?.baseline === undefined ? 'learning' : 'healthy';
}

function loadOf({ monitor, speed, load }: StatusInput): number | null {
  if (load !== undefined) {
    const value = monitor.lastSample?.channels[load.channel];
    return typeof value === 'number' ? percent(value / load.full) : null;
  }
  if (speed === null || speed.maxRpm === null) return null;
  return speed.running ? percent(speed.setpointRpm / speed.maxRpm) : 0;
}

function percent(share: number): number {
  return Math.round(Math.min(100, Math.max(0, share * 100)) * 10) / 10;
}

function channelsOf(monitor: DeviceMonitor): ChannelStatus[] {
  const { detector, lastSample } = monitor;
  const baseline = detector?.baseline;
  return (detector?.channels ?? []).map((channel, i) => {
    const known = baseline?.known[i] === true;
    const reach = known ? baseline.scale[i]! * detector!.options.threshold : 0;
    return {
      channel,
      unit: lastSample?.units?.[channel] ?? '',
      value: lastSample?.channels[channel] ?? null,
      typical: known ? baseline.center[i]! : null,
      normalLow: known ? baseline.center[i]! - reach : null,
      normalHigh: known ? baseline.center[i]! + reach : null,
    };
  });
}

function withoutMessage(request: IncidentRequest): Omit<IncidentRequest, 'message'> {
  const { message, ...rest } = request;
  void message;
  return rest;
}

function summarize(incident: Incident): IncidentSummary {
  return {
    id: incident.id,
    kind: incident.kind,
    since: new Date(incident.sinceMs).toISOString(),
    clearedAt: incident.clearedAtMs === null ? null : new Date(incident.clearedAtMs).toISOString(),
    peakScore: incident.peakScore,
    channels: [
      ...incident.evidence.map(({ channel }) => channel),
      ...incident.sensorFaults.map(({ channel }) => channel),
      ...incident.drifts.map(({ channel }) => channel),
    ],
  };
}
