import type { Incident } from '../incident/incident-machine.ts';
import type { DeviceStatus } from './status.ts';

/** A readable answer to a question in words, put together from facts by fixed rules; no language model has a part in it. */
export function explain(status: DeviceStatus, incident: Incident | null): string {
  const lines = [`${status.deviceId}: ${HEALTH[status.health]}.`];
  if (status.health === 'learning')
    lines.push(`The baseline has seen ${status.learnedSamples} samples so far.`);
  if (incident !== null) lines.push(...describeIncident(incident, status));
  if (status.health === 'healthy') {
    lines.push(
      `${status.channels.length} channels are where ${status.learnedSamples} learned samples let expect (score ${status.score.toFixed(2)} of 1).`,
    );
  }
  if (status.loadPercent !== null)
    lines.push(`Load ${status.loadPercent} %, headroom ${status.headroomPercent} %.`);
  for (const { taskId, state, taskState, summary } of status.requests.slice(-1)) {
    lines.push(
      `Last request ${taskId}: ${taskState ?? state}${summary === undefined ? '' : `, ${summary}`}.`,
    );
  }
  if (status.telemetry.malformed > 0)
    lines.push(`${status.telemetry.malformed} telemetry messages were malformed and ignored.`);
  lines.push('Answered from the detector by fixed rules, without a language model.');
  return lines.join('\n');
}

const HEALTH: Record<DeviceStatus['health'], string> = {
  silent: 'no telemetry seen yet',
  learning: 'still learning what normal looks like',
  healthy: 'healthy',
  anomalous: 'behaves differently from what was learned',
  drifting: 'one channel drifts alone: check the sensor before the machine',
  'sensor-fault': 'a sensor is broken; the machine itself is judged by the others',
};

export function describeIncident(incident: Incident, status: Pick<DeviceStatus, 'channels'>): string[] {
  const unit = (channel: string) => status.channels.find((one) => one.channel === channel)?.unit ?? '';
  return [
    `Since ${new Date(incident.sinceMs).toISOString()} (incident ${incident.id}, ${incident.anomalousSamples} samples, peak ${incident.peakScore.toFixed(1)} times the threshold).`,
    ...incident.evidence.map(
      ({ channel, level, expected, normalRange }) =>
        `${channel} at ${short(level)} ${unit(channel)}, expected ${short(expected)}, normal ${short(normalRange[0])} to ${short(normalRange[1])}.`,
    ),
    ...incident.drifts.map(
      ({ channel, learned, now }) =>
        `${channel} drifted slowly from ${short(learned)} to ${short(now)} ${unit(channel)}.`,
    ),
    ...incident.sensorFaults.map(
      ({ channel, fault, sinceMs }) =>
        `The sensor of ${channel} is ${fault} since ${new Date(sinceMs).toISOString()}.`,
    ),
  ];
}

function short(value: number): string {
  return Number(value.toPrecision(4)).toString();
}
