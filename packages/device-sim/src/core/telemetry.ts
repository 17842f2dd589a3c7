/** When a sample is due and what is published for it. Pure. */
import type { Telemetry } from '@shoal/protocol';
import type { DeviceSample } from './source.ts';

export interface PaceState {
  /** Samples published. */
  readonly sent: number;
  /** Where the count began, ms. Moved forward when the machine slept, so that nothing is caught up without end. */
  readonly startedAtMs: number;
}

/** Most samples published in one go; what is due beyond it is left for later, or given up after a long sleep. */
export const BURST = 50;

/** How many samples are due, and the state after sending them. `perSecond`: rate × speed. */
export function due(
  state: PaceState,
  nowMs: number,
  perSecond: number,
): { readonly count: number; readonly state: PaceState } {
  const owed = Math.floor(((nowMs - state.startedAtMs) * perSecond) / 1000) + 1 - state.sent;
  const count = Math.max(0, Math.min(owed, BURST));
  const sent = state.sent + count;
  const late = owed - count;
  // More than two seconds behind: go on from here instead of racing.
  const startedAtMs =
    late > 2 * perSecond + BURST ? nowMs - ((sent - 1) * 1000) / perSecond : state.startedAtMs;
  return { count, state: { sent, startedAtMs } };
}

/** Device time: it runs at the rate of the samples however fast they are published. */
export function deviceTime(startAtMs: number, index: number, rateHz: number): string {
  return new Date(startAtMs + Math.round((index * 1000) / rateHz)).toISOString();
}

export function telemetryRecord(
  deviceId: string,
  sample: DeviceSample,
  at: string,
  units: Readonly<Record<string, string>>,
): Telemetry {
  return {
    schemaVersion: 1,
    deviceId,
    at,
    seq: sample.index,
    channels: { ...sample.channels },
    units: { ...units },
  };
}
