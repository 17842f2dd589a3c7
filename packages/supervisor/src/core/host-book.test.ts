import type { HostRecord } from '@shoal/protocol';
import { expect, test } from 'vitest';
import { HostBook } from './host-book.ts';

const record = (hostId: string, more: Partial<HostRecord> = {}): HostRecord => ({
  schemaVersion: 1,
  hostId,
  incarnation: 'one',
  state: 'ready',
  labels: {},
  capacity: 4,
  running: 0,
  shares: true,
  version: '0',
  refreshSeconds: 20,
  ...more,
});
const T0 = 1_000_000;

function bookOf(...records: readonly HostRecord[]): HostBook {
  const book = new HostBook();
  for (const one of records) book.takeRecord(one.hostId, one, T0);
  return book;
}

test('only hosts that are ready and speak now and then are places', () => {
  const book = bookOf(record('a'), record('b', { state: 'draining' }), record('c', { state: 'lost' }));
  expect(book.places(T0).map(({ id }) => id)).toEqual(['a']);
  expect(book.places(T0 + 60_000).map(({ id }) => id)).toEqual(['a']);
  expect(book.places(T0 + 60_001)).toEqual([]);
});

test('an order counts from the moment it is given, before the host says so itself', () => {
  const book = bookOf(record('a', { running: 1 }));
  book.open('o1', 'a', 3);
  expect(book.places(T0)[0]?.used).toBe(3);
  book.takeRecord('a', record('a', { running: 4 }), T0);
  expect(book.places(T0)[0]?.used).toBe(4);
  book.close('o1');
  book.takeRecord('a', record('a', { running: 1 }), T0);
  expect(book.places(T0)[0]?.used).toBe(1);
});

test('what a lost host, a removed one, or one in another life had taken is nobody knows where', () => {
  for (const after of [record('a', { state: 'lost' }), undefined, record('a', { incarnation: 'two' })]) {
    const book = bookOf(record('a'), record('b'));
    book.open('o1', 'a', 1);
    book.open('o2', 'b', 1);
    expect(book.takeRecord('a', record('a', { running: 1 }), T0)).toEqual([]);
    expect(book.takeRecord('a', after, T0)).toEqual(['o1']);
    expect(book.takeRecord('a', after, T0)).toEqual([]);
  }
});

test('one that did not answer is passed over for a while', () => {
  const book = bookOf(record('a'), record('b'));
  book.doubt('a', T0);
  expect(book.places(T0).map(({ id }) => id)).toEqual(['b']);
  expect(book.places(T0 + 10_000).map(({ id }) => id)).toEqual(['a', 'b']);
});

test('any host will do only where every one could take it and shares', () => {
  const any = (needs: object, ...records: HostRecord[]): boolean => {
    const book = bookOf(...records);
    return book.anyWillDo(needs, book.places(T0));
  };
  expect(any({}, record('a'), record('b'))).toBe(true);
  expect(any({}, record('a'), record('b', { shares: false }))).toBe(false);
  expect(any({}, record('a'), record('b', { running: 4 }))).toBe(false);
  expect(any({ labels: { gpu: 'x' } }, record('a', { labels: { gpu: 'x' } }), record('b'))).toBe(false);
  expect(any({ blueprint: 'w' }, record('a'), record('b', { blueprints: ['v'] }))).toBe(false);
});
