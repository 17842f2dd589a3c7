import { expect, it } from 'vitest';
import { TelemetryRing } from './ring.ts';

function sample(seq: number, channels: Record<string, number | null> = { flow: seq }) {
  return { schemaVersion: 1 as const, deviceId: 'p', at: new Date(seq * 1000).toISOString(), seq, channels };
}

it('keeps the last samples and no more, however many come', () => {
  const ring = new TelemetryRing(100);
  for (let seq = 0; seq < 10_000; seq++) ring.push(sample(seq));
  const [times, values] = ring.series('flow');
  expect([times.length, values.length, values.at(-1), values[0]]).toEqual([100, 100, 9_999, 9_900]);
});

it('takes a sample once, and begins anew when the device does', () => {
  const ring = new TelemetryRing();
  ring.push(sample(5));
  ring.push(sample(5));
  expect(ring.series('flow')[0]).toHaveLength(1);
  ring.push(sample(0));
  expect(ring.series('flow')[1]).toEqual([0]);
});

it('fills channels that come late or stay away with gaps', () => {
  const ring = new TelemetryRing();
  ring.push(sample(0, { flow: 1 }));
  ring.push(sample(1, { flow: null, heat: 2 }));
  expect(ring.series('flow')[1]).toEqual([1, null]);
  expect(ring.series('heat')[1]).toEqual([null, 2]);
});

it('does not grow with the names of channels', () => {
  const ring = new TelemetryRing(10, 3);
  for (let seq = 0; seq < 50; seq++) ring.push(sample(seq, { [`channel-${seq}`]: 1 }));
  expect(ring.channels).toHaveLength(3);
});
