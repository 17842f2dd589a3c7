import { describe, expect, it } from 'vitest';

import { RateTable } from '../src/core/rate-table.ts';
import { TokenBucket } from '../src/core/token-bucket.ts';

describe('a token bucket', () => {
  it('gives a burst and then the rate', () => {
    const bucket = new TokenBucket(2, 1_000, 0);
    expect([bucket.tryTake(0), bucket.tryTake(0), bucket.tryTake(0)]).toEqual([true, true, false]);
    expect([bucket.tryTake(499), bucket.tryTake(500), bucket.tryTake(501)]).toEqual([false, true, false]);
  });

  it('lets a debt be paid by time', () => {
    const bucket = new TokenBucket(10, 1_000, 0);
    expect(bucket.take(10, 0)).toBe(0);
    expect(bucket.take(5, 0)).toBe(500);
    expect(bucket.take(0, 500)).toBe(0);
  });

  it('survives a clock that is set back', () => {
    const bucket = new TokenBucket(1, 1_000, 10_000);
    expect([bucket.tryTake(10_000), bucket.tryTake(0), bucket.tryTake(1_000)]).toEqual([true, false, true]);
  });
});

describe('a table of rates', () => {
  it('counts each key for itself, and nothing when the rate is 0', () => {
    const table = new RateTable(1, 'second');
    expect([table.tryTake('a', 0), table.tryTake('a', 0), table.tryTake('b', 0)]).toEqual([
      true,
      false,
      true,
    ]);
    const free = new RateTable(0, 'second');
    expect([free.tryTake('a', 0), free.tryTake('a', 0)]).toEqual([true, true]);
  });

  it('stays within its size: keys at rest make room first, then the oldest', () => {
    const table = new RateTable(1, 'second', 2);
    table.tryTake('a', 0);
    table.tryTake('b', 0);
    table.tryTake('c', 0);
    expect([table.tryTake('b', 0), table.tryTake('c', 0)]).toEqual([false, false]);
    table.tryTake('d', 2_000);
    expect(table.tryTake('b', 2_000)).toBe(true);
  });
});
