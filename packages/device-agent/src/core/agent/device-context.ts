import type { Validation } from '@shoal/protocol';
import { isDeviceAgentError } from '../../errors.ts';
import { parseMonitorState, type MonitorState } from './device-monitor.ts';
import type { OrderRecord } from './operations.ts';
import type { IncidentRequest } from './requests.ts';

/** Value of `kind` in the retained agent state. Another number: a state that this version cannot read. */
export const CONTEXT_KIND = 'shoal/device-agent/1';

/** What a device agent must know again after its death. */
export interface DeviceContext {
  readonly schemaVersion: 1;
  readonly deviceId: string;
  /** Samples that the baseline has seen: what a reader looks for without knowing the detector. */
  readonly learnedSamples: number;
  readonly monitor: MonitorState;
  readonly requests: readonly IncidentRequest[];
  readonly orders: readonly OrderRecord[];
  /** Speed of the machine as the device last told it. */
  readonly speed: DeviceSpeed | null;
  readonly malformed: number;
}

export interface DeviceSpeed {
  readonly setpointRpm: number;
  readonly running: boolean;
  readonly nominalRpm: number | null;
  readonly maxRpm: number | null;
}

/** Reads a saved context; violations name the field. Lists that cannot be read count as empty. */
export function validateContext(value: unknown, deviceId: string): Validation<DeviceContext> {
  if (typeof value !== 'object' || value === null) return fault('data', 'must be an object');
  const data = value as Record<string, unknown>;
  if (data['schemaVersion'] !== 1) return fault('data/schemaVersion', 'must be 1');
  if (data['deviceId'] !== deviceId) return fault('data/deviceId', `must be ${deviceId}`);
  if (typeof data['monitor'] !== 'object' || data['monitor'] === null)
    return fault('data/monitor', 'must be an object');
  try {
    const monitor = parseMonitorState(data['monitor'] as Record<string, unknown>);
    const context: DeviceContext = {
      schemaVersion: 1,
      deviceId,
      learnedSamples: monitor.detector?.learnedSamples ?? 0,
      monitor,
      requests: list<IncidentRequest>(data['requests'], [
        'incidentId',
        'taskId',
        'messageId',
        'target',
        'state',
      ]),
      orders: list<OrderRecord>(data['orders'], ['sessionId', 'stepId', 'order', 'state']),
      speed: (data['speed'] ?? null) as DeviceSpeed | null,
      malformed: typeof data['malformed'] === 'number' ? data['malformed'] : 0,
    };
    return { ok: true, value: context };
  } catch (error) {
    if (isDeviceAgentError(error)) return fault('data/monitor', error.message);
    throw error;
  }
}

function list<T>(value: unknown, texts: readonly string[]): T[] {
  if (!Array.isArray(value)) return [];
  return value.filter(
    (entry) =>
      typeof entry === 'object' &&
      entry !== null &&
      texts.every((name) => typeof (entry as Record<string, unknown>)[name] === 'string'),
  ) as T[];
}

function fault(field: string, message: string): Validation<DeviceContext> {
  return { ok: false, violations: [{ field, message }] };
}
