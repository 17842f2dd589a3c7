import type { JsonObject } from '@shoal/protocol';

/** What a device agent saw, as it stands in the variables of the session that it asked for. */
export interface Evidence {
  readonly deviceId: string;
  readonly agentId: string;
  /** Device time of the finding. */
  readonly detectedAt: string;
  /** How far from normal, in the detector's own unit; 1 is its limit. */
  readonly score: number | null;
  readonly channels: readonly ChannelEvidence[];
}

export interface ChannelEvidence {
  readonly channel: string;
  readonly value: number | null;
  readonly unit: string;
  readonly normalLow: number | null;
  readonly normalHigh: number | null;
  /** Distance from what is expected, in units of the spread that was learnt. */
  readonly deviation: number | null;
}

/** Reads evidence tolerantly: what is missing or of another type is null or empty, never an exception. */
export function readEvidence(variables: JsonObject): Evidence {
  const evidence = asObject(variables['evidence']);
  const channels = Array.isArray(evidence['channels']) ? evidence['channels'] : [];
  return {
    deviceId: asText(variables['deviceId']),
    agentId: asText(variables['agentId']),
    detectedAt: asText(variables['detectedAt']),
    score: asNumber(evidence['score']),
    channels: channels.map((entry) => readChannel(asObject(entry))),
  };
}

export function describeEvidence(evidence: Evidence): string {
  if (evidence.channels.length === 0) return 'abnormal, without evidence by channel';
  return evidence.channels.slice(0, 3).map(describeChannel).join('; ');
}

function describeChannel({
  channel,
  value,
  unit,
  normalLow,
  normalHigh,
  deviation,
}: ChannelEvidence): string {
  const reading = value === null ? 'no value' : `${format(value)} ${unit}`.trimEnd();
  const normal =
    normalLow === null || normalHigh === null ? '' : `, normal ${format(normalLow)} to ${format(normalHigh)}`;
  const distance = deviation === null ? '' : `, ${Math.abs(deviation).toFixed(1)} spreads off`;
  return `${channel} ${reading}${normal}${distance}`;
}

function readChannel(entry: JsonObject): ChannelEvidence {
  return {
    channel: asText(entry['channel']),
    value: asNumber(entry['value']),
    unit: asText(entry['unit']),
    normalLow: asNumber(entry['normalLow']),
    normalHigh: asNumber(entry['normalHigh']),
    deviation: asNumber(entry['deviation']),
  };
}

function format(value: number): string {
  return Number(value.toPrecision(3)).toString();
}

function asObject(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function asNumber(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
