import { expect, it } from 'vitest';
import { Turns } from './turns.ts';

const never = new AbortController().signal;

it('lets two at it at once, the others in the order in which they came', async () => {
  const turns = new Turns(2);
  const begun: number[] = [];
  const end: (() => void)[] = [];
  const all = [0, 1, 2, 3].map((n) =>
    turns.take(() => {
      begun.push(n);
      return new Promise<void>((resolve) => (end[n] = resolve));
    }, never),
  );
  expect(begun).toEqual([0, 1]);
  end[1]!();
  await all[1];
  await Promise.resolve();
  expect(begun).toEqual([0, 1, 2]);
  end[0]!();
  await all[0];
  end[2]!();
  await all[2];
  end[3]!();
  await Promise.all(all);
  expect(begun).toEqual([0, 1, 2, 3]);
});

it('hands the turn on when the work fails, and past those that gave up', async () => {
  const turns = new Turns(1);
  const stop = new AbortController();
  let fail!: (error: Error) => void;
  const first = turns.take(() => new Promise((_, reject) => (fail = reject)), never);
  const second = turns.take(async () => 'second', stop.signal);
  const third = turns.take(async () => 'third', never);
  stop.abort(new Error('stopped'));
  await expect(second).rejects.toThrow('stopped');
  fail(new Error('broken'));
  await expect(first).rejects.toThrow('broken');
  expect(await third).toBe('third');
  expect(await turns.take(async () => 'free again', never)).toBe('free again');
});
