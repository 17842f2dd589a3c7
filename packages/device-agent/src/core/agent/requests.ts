import type { TraceContext } from '@shoal/protocol';
import type { Contribution, Drift } from '../detector/judgement.ts';
import type { Incident } from '../incident/incident-machine.ts';
import type { StreamingDetector } from '../detector/streaming-detector.ts';

/** A request to a workflow because of an incident. Written before it is sent, so that a successor sends the same one. */
export interface IncidentRequest {
  readonly incidentId: string;
  readonly taskId: string;
  readonly messageId: string;
  /** `org/unit/agentId` of the workflow. */
  readonly target: string;
  readonly message: IncidentMessage;
  /** Of the sample that raised the incident; a successor goes on in the same trace. */
  readonly trace?: TraceContext;
  /**
   * `open` until the workflow's task ended; `given-up` when it could not be reached; `waiting` and not sent while an open one may bring the
   * answer that stands for it.
   */
  readonly state: 'waiting' | 'open' | 'ended' | 'given-up';
  readonly taskState?: string;
  readonly summary?: string;
  /** First data of the workflow's last artifact, such as the work order; left out above 8 kB. */
  readonly outcome?: unknown;
  readonly error?: string;
}

/** Data part of the request: the variables that a workflow declares. */
export interface IncidentMessage {
  readonly deviceId: string;
  readonly agentId: string;
  /** Device time at which the incident was certain, ISO 8601. */
  readonly detectedAt: string;
  readonly evidence: IncidentEvidence;
}

export interface IncidentEvidence {
  readonly incidentId: string;
  readonly kind: Incident['kind'];
  /** Device time at which the excursion began, ISO 8601. */
  readonly since: string;
  /** 1 is the threshold. */
  readonly score: number;
  readonly learnedSamples: number;
  readonly channels: readonly {
    readonly channel: string;
    readonly value: number;
    readonly unit: string;
    readonly expected: number;
    readonly normalLow: number;
    readonly normalHigh: number;
    /** Distance from what is expected in units of the learned spread, signed. */
    readonly deviation: number;
    /** Device time at which this channel began to leave its typical level, ISO 8601; unset when it is at it. */
    readonly since?: string;
  }[];
  readonly sensors: readonly { readonly channel: string; readonly fault: string; readonly since: string }[];
}

export const REMEMBERED_REQUESTS = 10;
export const MAX_OUTCOME_CHARACTERS = 8192;

export function incidentMessage(
  incident: Incident,
  device: { readonly deviceId: string; readonly agentId: string },
  detector: StreamingDetector | undefined,
  units: Readonly<Record<string, string>> = {},
): IncidentMessage {
  const threshold = detector?.options.threshold ?? 1;
  return {
    ...device,
    detectedAt: iso(incident.openedAtMs),
    evidence: {
      incidentId: incident.id,
      kind: incident.kind,
      since: iso(incident.sinceMs),
      score: round(incident.peakScore),
      learnedSamples: detector?.learnedSamples ?? 0,
      channels: [...incident.evidence, ...incident.drifts.map(asContribution)].map(
        ({ channel, level, expected, normalRange, deviation, sinceMs }) => ({
          channel,
          value: round(level),
          unit: units[channel] ?? '',
          expected: round(expected),
          normalLow: round(normalRange[0]),
          normalHigh: round(normalRange[1]),
          deviation: round(deviation * threshold),
          // Unset too in what a version without change points kept.
          ...(typeof sinceMs === 'number' ? { since: iso(sinceMs) } : {}),
        }),
      ),
      sensors: incident.sensorFaults.map(({ channel, fault, sinceMs }) => ({
        channel,
        fault,
        since: iso(sinceMs),
      })),
    },
  };
}

/** A drift said in the words of a sudden change, so that a reader needs to know only one of them. */
function asContribution({ channel, learned, now, deviation, sinceMs }: Drift): Contribution {
  const reach = Math.abs((now - learned) / deviation);
  return {
    channel,
    level: now,
    expected: learned,
    normalRange: [learned - reach, learned + reach],
    deviation,
    sinceMs,
  };
}

/**
 * The request whose answer stands for a new incident, or will when it completes: less than `withinMs` of device time lie between them. A
 * completed one comes before an open one.
 */
export function standingRequest(
  requests: readonly IncidentRequest[],
  message: IncidentMessage,
  withinMs: number,
): IncidentRequest | undefined {
  const near = requests.filter(({ message: earlier }) => {
    const elapsedMs = Date.parse(message.detectedAt) - Date.parse(earlier.detectedAt);
    return elapsedMs >= 0 && elapsedMs < withinMs;
  });
  return (
    near.find(({ taskState }) => taskState === 'TASK_STATE_COMPLETED') ??
    near.find(({ state }) => state === 'open')
  );
}

/** Puts or replaces the request of an incident; ended ones are forgotten first. Undefined when too many are still open. */
export function putRequest(
  requests: readonly IncidentRequest[],
  request: IncidentRequest,
): IncidentRequest[] | undefined {
  const others = requests.filter(({ incidentId }) => incidentId !== request.incidentId);
  while (others.length >= REMEMBERED_REQUESTS) {
    const ended = others.findIndex(({ state }) => state === 'ended' || state === 'given-up');
    if (ended < 0) return undefined;
    others.splice(ended, 1);
  }
  return [...others, request];
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** Five digits say enough to people and stay short on the wire. */
function round(value: number): number {
  return Number(value.toPrecision(5));
}
