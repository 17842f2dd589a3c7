import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Deadlines, type Timed } from './deadlines.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function setUp(): {
  deadlines: Deadlines<Timed>;
  start: (timeoutMs: number) => Timed;
  due: number[];
  waiting: Set<Timed>;
} {
  const waiting = new Set<Timed>();
  const due: number[] = [];
  const deadlines = new Deadlines<Timed>(
    () => waiting,
    (item) => {
      waiting.delete(item);
      due.push(Math.round(performance.now()));
    },
  );
  const start = (timeoutMs: number): Timed => {
    const item = { deadlineMs: Infinity };
    waiting.add(item);
    deadlines.start(item, timeoutMs);
    return item;
  };
  return { deadlines, start, due, waiting };
}

test('each wait ends at its own time, in whatever order they were started', () => {
  const { start, due } = setUp();
  const beganMs = Math.round(performance.now());
  for (const timeoutMs of [300, 100, 200]) start(timeoutMs);
  vi.advanceTimersByTime(1_000);
  expect(due.map((atMs) => atMs - beganMs)).toEqual([100, 200, 300]);
});

test('0 waits for ever, and what no longer waits is not told', () => {
  const { start, due, waiting } = setUp();
  start(0);
  waiting.delete(start(100));
  vi.advanceTimersByTime(100_000);
  expect(due).toEqual([]);
});

test('one timer serves all, and none is left behind', () => {
  const { deadlines, start } = setUp();
  for (let i = 0; i < 1_000; i += 1) start(100);
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(101);
  expect(vi.getTimerCount()).toBe(0);
  start(100);
  deadlines.clear();
  expect(vi.getTimerCount()).toBe(0);
});
