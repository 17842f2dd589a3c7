import { describe, expect, it } from 'vitest';
import type { Judgement } from '../detector/judgement.ts';
import { advanceIncidents, noIncidents, type IncidentEvent, type IncidentState } from './incident-machine.ts';

const good: Judgement = {
  phase: 'judging',
  score: 0.1,
  anomalous: false,
  sinceMs: null,
  risingSamples: 0,
  contributions: [],
  sensorFaults: [],
  drifts: [],
};
const contribution = {
  channel: 'flow',
  level: 30,
  expected: 32,
  normalRange: [31, 33],
  deviation: -2,
  sinceMs: null,
} as const;
const bad: Judgement = {
  ...good,
  score: 2,
  anomalous: true,
  sinceMs: 500,
  risingSamples: 6,
  contributions: [contribution],
};
const stuck: Judgement = { ...good, sensorFaults: [{ channel: 'flow', fault: 'stuck', sinceMs: 100 }] };

function feed(judgements: readonly Judgement[], start: IncidentState = noIncidents) {
  let state = start;
  const events: IncidentEvent[] = [];
  judgements.forEach((judgement, index) => {
    const step = advanceIncidents(state, judgement, (index + 1) * 1000);
    state = step.state;
    events.push(...step.events);
  });
  return { state, events };
}
const times = (count: number, judgement: Judgement) => Array.from({ length: count }, () => judgement);

describe('advanceIncidents', () => {
  it('makes one event of a flood of bad samples', () => {
    const { state, events } = feed(times(1000, bad));
    expect(events.map((event) => event.type)).toEqual(['opened']);
    expect(state.open).toMatchObject({
      kind: 'anomaly',
      sinceMs: 500,
      openedAtMs: 5000,
      anomalousSamples: 1000,
      peakScore: 2,
    });
    expect(state.open?.evidence).toEqual([contribution]);
  });

  it('opens nothing for a few bad samples among good ones', () => {
    expect(feed([...times(3, bad), ...times(3, good), ...times(4, bad), ...times(9, good)]).events).toEqual(
      [],
    );
  });

  it('stays one incident through short pauses and clears after a long one', () => {
    const { state, events } = feed([
      ...times(10, bad),
      ...times(59, good),
      ...times(10, bad),
      ...times(60, good),
    ]);
    expect(events.map((event) => event.type)).toEqual(['opened', 'cleared']);
    expect(state.open).toBeNull();
    expect(state.history).toHaveLength(1);
    expect(state.history[0]?.clearedAtMs).toBe(139_000);
  });

  it('keeps the evidence of the worst sample', () => {
    const worse = { ...bad, score: 5, contributions: [{ ...contribution, deviation: -5 }] };
    expect(feed([...times(8, bad), worse, ...times(8, bad)]).state.open).toMatchObject({
      peakScore: 5,
      evidence: [{ deviation: -5 }],
    });
  });

  it('calls a slow departure of one channel a drift and a broken sensor a sensor fault', () => {
    expect(feed(times(5, { ...bad, risingSamples: 300 })).state.open?.kind).toBe('drift');
    expect(feed(times(5, stuck)).state.open).toMatchObject({ kind: 'sensor-fault', sinceMs: 100 });
  });

  it('does not let a broken sensor hide a failing machine', () => {
    const { events } = feed([...times(10, stuck), ...times(5, { ...bad, sensorFaults: stuck.sensorFaults })]);
    expect(events.map((event) => `${event.type} ${event.incident.kind}`)).toEqual([
      'opened sensor-fault',
      'cleared sensor-fault',
      'opened anomaly',
    ]);
  });

  it('takes one bad sample beside a broken sensor for nothing more', () => {
    const { events } = feed([...times(10, stuck), bad, ...times(10, stuck)]);
    expect(events.map((event) => event.type)).toEqual(['opened']);
  });

  it('lets an anomaly end while a sensor stays broken, which is an incident of its own', () => {
    const both = { ...bad, sensorFaults: stuck.sensorFaults };
    const { events } = feed([...times(10, both), ...times(80, stuck)]);
    expect(events.map((event) => `${event.type} ${event.incident.kind}`)).toEqual([
      'opened anomaly',
      'cleared anomaly',
      'opened sensor-fault',
    ]);
  });

  it('calls a drift what the baseline followed too far', () => {
    const drifts = [{ channel: 'flow', learned: 32, now: 36, deviation: 2.1, sinceMs: 700 }];
    expect(feed(times(5, { ...good, drifts })).state.open).toMatchObject({
      kind: 'drift',
      sinceMs: 700,
      drifts,
    });
  });

  it('keeps a bounded history, names each incident once and is plain JSON', () => {
    const cycle = [...times(5, bad), ...times(60, good)];
    const { state } = feed(Array.from({ length: 30 }, () => cycle).flat());
    expect(state.opened).toBe(30);
    expect(state.history).toHaveLength(20);
    expect(new Set(state.history.map((incident) => incident.id)).size).toBe(20);
    expect(JSON.parse(JSON.stringify(state))).toEqual(state);
  });
});
