import type { Telemetry } from '@shoal/protocol';
import { describe, expect, it } from 'vitest';
import { gaussian } from '../../testing/gaussian.ts';
import { describeViolationsOf } from '../../testing/violations-text.ts';
import { validateContext } from './device-context.ts';
import { DeviceMonitor, parseMonitorState } from './device-monitor.ts';
import { explain } from './explain.ts';
import { incidentMessage, putRequest, REMEMBERED_REQUESTS, type IncidentRequest } from './requests.ts';
import { deviceStatus } from './status.ts';
import { statusOfContext } from './status-of-context.ts';

const OPTIONS = { learnSamples: 200 };

function telemetry(count: number, faultFrom: number, from = 0): Telemetry[] {
  const noise = gaussian(5);
  const all = Array.from({ length: from + count }, (_, seq) => ({
    schemaVersion: 1 as const,
    deviceId: 'pump-01',
    at: new Date(Date.UTC(2026, 0, 1) + seq * 1000).toISOString(),
    seq,
    channels: { flow: 30 + noise() - (seq >= faultFrom ? 8 : 0), current: 2 + 0.1 * noise() },
    units: { flow: 'l/min', current: 'A' },
  }));
  return all.slice(from);
}

function statusOf(monitor: DeviceMonitor, extra: Partial<Parameters<typeof deviceStatus>[0]> = {}) {
  return deviceStatus({
    deviceId: 'pump-01',
    agentId: 'pump-01',
    monitor,
    speed: null,
    requests: [],
    relations: [],
    malformed: 0,
    ...extra,
  });
}

describe('DeviceMonitor', () => {
  it('makes one incident of a lasting fault, with evidence', () => {
    const monitor = new DeviceMonitor(OPTIONS);
    const events = telemetry(600, 400).flatMap((sample) => monitor.observe(sample)?.events ?? []);
    expect(events).toHaveLength(1);
    const message = incidentMessage(
      events[0]!.incident,
      { deviceId: 'pump-01', agentId: 'pump-01' },
      monitor.detector,
      { flow: 'l/min' },
    );
    expect(message).toMatchObject({
      deviceId: 'pump-01',
      evidence: { kind: 'anomaly', learnedSamples: 200 },
    });
    expect(message.evidence.channels[0]).toMatchObject({ channel: 'flow', unit: 'l/min' });
    expect(message.evidence.channels[0]!.value).toBeLessThan(message.evidence.channels[0]!.normalLow);
    expect(Date.parse(message.detectedAt) - Date.parse(message.evidence.since)).toBeGreaterThanOrEqual(4000);
  });

  it('ignores a sample that comes twice', () => {
    const monitor = new DeviceMonitor(OPTIONS);
    const [sample] = telemetry(1, 10);
    expect(monitor.observe(sample!)).toBeDefined();
    expect(monitor.observe(sample!)).toBeUndefined();
    expect(monitor.received).toBe(1);
  });

  it('goes on after a respawn as if nothing had happened', () => {
    const whole = new DeviceMonitor(OPTIONS);
    const first = new DeviceMonitor(OPTIONS);
    const samples = telemetry(700, 500);
    const expected = samples.map((sample) => JSON.stringify(whole.observe(sample)));
    const before = samples.slice(0, 503).map((sample) => JSON.stringify(first.observe(sample)));
    const saved = JSON.parse(JSON.stringify(first.state())) as Record<string, unknown>;
    const second = new DeviceMonitor(OPTIONS, {}, parseMonitorState(saved));
    expect(JSON.stringify(second.state())).toBe(JSON.stringify(saved));
    const after = samples.slice(503).map((sample) => JSON.stringify(second.observe(sample)));
    expect([...before, ...after]).toEqual(expected);
  });

  it('learns again when told to, and its incident ends', () => {
    const monitor = new DeviceMonitor(OPTIONS);
    for (const sample of telemetry(500, 300)) monitor.observe(sample);
    expect(statusOf(monitor).health).toBe('anomalous');
    monitor.relearn();
    expect(monitor.incidents.open).toBeNull();
    for (const sample of telemetry(400, 300, 500)) monitor.observe(sample);
    expect(statusOf(monitor)).toMatchObject({
      health: 'healthy',
      learnedSamples: 200,
      recentIncidents: [{ id: expect.any(String) }],
    });
  });
});

describe('deviceStatus', () => {
  it('says how much the device carries, from speed or from a channel', () => {
    const monitor = new DeviceMonitor(OPTIONS);
    expect(statusOf(monitor)).toMatchObject({ health: 'silent', loadPercent: null, headroomPercent: null });
    for (const sample of telemetry(50, 999)) monitor.observe(sample);
    const speed = { setpointRpm: 900, running: true, nominalRpm: 1500, maxRpm: 1800 };
    expect(statusOf(monitor, { speed })).toMatchObject({
      health: 'learning',
      loadPercent: 50,
      headroomPercent: 50,
    });
    expect(statusOf(monitor, { speed: { ...speed, running: false } }).loadPercent).toBe(0);
    expect(statusOf(monitor, { load: { channel: 'flow', full: 60 } }).loadPercent).toBeCloseTo(50, -1);
  });

  it('explains itself in words and says that no model did', () => {
    const monitor = new DeviceMonitor(OPTIONS);
    for (const sample of telemetry(500, 300)) monitor.observe(sample);
    const text = explain(statusOf(monitor), monitor.incidents.open);
    expect(text).toContain('flow at');
    expect(text).toContain('l/min');
    expect(text).toContain('without a language model');
  });
});

describe('saved context', () => {
  it('says the same of the device as the agent does', () => {
    const monitor = new DeviceMonitor(OPTIONS);
    for (const sample of telemetry(600, 400)) monitor.observe(sample);
    const saved = {
      schemaVersion: 1,
      deviceId: 'pump-01',
      monitor: JSON.parse(JSON.stringify(monitor.state())),
    };
    const context = validateContext(saved, 'pump-01');
    if (!context.ok) throw new Error(describeViolationsOf(context));
    const { score, ...said } = statusOf(monitor);
    expect(score).toBeGreaterThan(1);
    expect(statusOfContext(context.value, { agentId: 'pump-01' })).toEqual({ ...said, score: 0 });
  });

  it('names what cannot be read', () => {
    const monitor = new DeviceMonitor(OPTIONS);
    for (const sample of telemetry(250, 999)) monitor.observe(sample);
    const good = {
      schemaVersion: 1,
      deviceId: 'pump-01',
      monitor: JSON.parse(JSON.stringify(monitor.state())),
      requests: [{}],
    };
    expect(validateContext(good, 'pump-01')).toMatchObject({
      ok: true,
      value: { learnedSamples: 200, requests: [], orders: [] },
    });
    expect(describeViolationsOf(validateContext(good, 'pump-02'))).toContain('deviceId');
    expect(describeViolationsOf(validateContext({ ...good, schemaVersion: 9 }, 'pump-01'))).toContain(
      'schemaVersion',
    );
    const broken = { ...good, monitor: { ...good.monitor, incidents: {} } };
    expect(describeViolationsOf(validateContext(broken, 'pump-01'))).toContain('incidents/schemaVersion');
  });
});

it('keeps a bounded list of requests and never forgets an open one', () => {
  const request = (incidentId: string, state: IncidentRequest['state']) =>
    ({ incidentId, state }) as IncidentRequest;
  let requests: IncidentRequest[] = [request('first', 'open')];
  for (let i = 0; i < 30; i++) requests = putRequest(requests, request(`${i}`, 'ended'))!;
  expect(requests).toHaveLength(REMEMBERED_REQUESTS);
  expect(requests.some(({ incidentId }) => incidentId === 'first')).toBe(true);
  const full = Array.from({ length: REMEMBERED_REQUESTS }, (_, i) => request(`${i}`, 'open'));
  expect(putRequest(full, request('more', 'open'))).toBeUndefined();
});
