import { expect, it } from 'vitest';
import { gaussian } from '../../testing/gaussian.ts';
import { changedSinceMs, noChange, noteChange } from './change-points.ts';
import { StreamingDetector } from './streaming-detector.ts';

it('a step is dated to where it began, up or down, and forgotten when the channel is back', () => {
  for (const sign of [1, -1]) {
    const change = noChange();
    for (let i = 0; i < 100; i++) noteChange(change, 0.05 * Math.sin(i), i * 1000);
    expect(changedSinceMs(change)).toBeNull();
    for (let i = 100; i < 160; i++) noteChange(change, sign * 1.2, i * 1000);
    expect(changedSinceMs(change)).toBe(100_000);
    for (let i = 160; i < 260; i++) noteChange(change, 0, i * 1000);
    expect(changedSinceMs(change)).toBeNull();
  }
});

it('channels that change one after the other have each a date of its own, also in a successor', () => {
  const noise = gaussian(5);
  const detector = new StreamingDetector(['flow', 'vibration']);
  const row = (i: number) => [
    30 + 0.2 * noise() - (i >= 600 ? 3 : 0),
    0.2 + 0.01 * noise() + (i >= 640 ? 0.2 : 0),
  ];
  for (let i = 0; i < 645; i++) detector.push(row(i), i * 1000);
  const successor = StreamingDetector.restore(JSON.parse(JSON.stringify(detector.state())));
  let contributions = successor.push(row(645), 645_000).contributions;
  for (let i = 646; i < 690; i++) ({ contributions } = successor.push(row(i), i * 1000));
  const since = Object.fromEntries(contributions.map(({ channel, sinceMs }) => [channel, sinceMs! / 1000]));
  expect(Object.keys(since).sort()).toEqual(['flow', 'vibration']);
  expect(Math.abs(since['flow']! - 600)).toBeLessThanOrEqual(5);
  expect(Math.abs(since['vibration']! - 640)).toBeLessThanOrEqual(5);
});

it('a state that was saved without change points goes on, and one that is malformed names the field', () => {
  const detector = new StreamingDetector(['flow']);
  for (let i = 0; i < 450; i++) detector.push([30 + (i % 7)], i * 1000);
  const { changes, ...older } = detector.state();
  expect(changes).toHaveLength(1);
  expect(StreamingDetector.restore(older).push([31], 451_000).phase).toBe('judging');
  const broken = { ...older, changes: [{ ...noChange(), up: 'high' }] };
  expect(() => StreamingDetector.restore(broken)).toThrow('changes/0/up must be a finite number');
});
