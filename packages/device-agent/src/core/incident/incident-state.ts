import { DeviceAgentError } from '../../errors.ts';
import type { Incident, IncidentState } from './incident-machine.ts';

/** Reads saved incidents; throws `invalid-state` naming the field. */
export function parseIncidentState(value: unknown): IncidentState {
  const state = object(value, 'incidents');
  if (state['schemaVersion'] !== 1) throw invalid('incidents/schemaVersion', '1');
  for (const name of ['opened', 'pressure', 'goodInARow']) number(state, name, 'incidents');
  if (state['open'] !== null) incident(state['open'], 'incidents/open');
  if (!Array.isArray(state['history'])) throw invalid('incidents/history', 'an array');
  state['history'].forEach((entry, index) => incident(entry, `incidents/history/${index}`));
  return state as unknown as IncidentState;
}

function incident(value: unknown, where: string): Incident {
  const fields = object(value, where);
  for (const name of ['id', 'kind']) {
    if (typeof fields[name] !== 'string') throw invalid(`${where}/${name}`, 'a string');
  }
  for (const name of ['sinceMs', 'openedAtMs', 'peakScore', 'anomalousSamples']) number(fields, name, where);
  for (const name of ['evidence', 'sensorFaults', 'drifts']) {
    if (!Array.isArray(fields[name])) throw invalid(`${where}/${name}`, 'an array');
  }
  return fields as unknown as Incident;
}

function object(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(where, 'an object');
  return value as Record<string, unknown>;
}

function number(fields: Record<string, unknown>, name: string, where: string): void {
  if (typeof fields[name] !== 'number') throw invalid(`${where}/${name}`, 'a number');
}

function invalid(field: string, expected: string): DeviceAgentError {
  return new DeviceAgentError('invalid-state', `saved context: ${field} must be ${expected}`);
}
