import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { choosePlace, freeRoom, mergePlacement, suits, type Place } from './placement.ts';

const place = (id: string, more: Partial<Place> = {}): Place => ({
  id,
  labels: {},
  capacity: 10,
  used: 0,
  ...more,
});
const idOf = (choice: ReturnType<typeof choosePlace>) => ('place' in choice ? choice.place.id : choice.none);

test('the least full place takes it, by share; of equals the first by id', () => {
  expect(idOf(choosePlace({}, [place('b'), place('a')]))).toBe('a');
  expect(idOf(choosePlace({}, [place('a', { used: 5 }), place('b', { used: 4 })]))).toBe('b');
  expect(idOf(choosePlace({}, [place('small', { capacity: 2, used: 1 }), place('big', { used: 5 })]))).toBe(
    'big',
  );
});

test('every label has to be there with its value (Placement.labels)', () => {
  const north = place('n', { labels: { site: 'north', gpu: 'a100' } });
  const south = place('s', { labels: { site: 'south' } });
  expect(idOf(choosePlace({ labels: { site: 'south' } }, [north, south]))).toBe('s');
  expect(idOf(choosePlace({ labels: { site: 'north', gpu: 'a100' } }, [north, south]))).toBe('n');
  expect(idOf(choosePlace({ labels: { site: 'south', gpu: 'a100' } }, [north, south]))).toBe('nowhere');
  expect(suits({ labels: { constructor: 'x' } }, south)).toBe(false);
});

test('full is not nowhere: what is of the right kind may get room later', () => {
  const full = place('a', { used: 10 });
  expect(idOf(choosePlace({}, [full]))).toBe('full');
  expect(idOf(choosePlace({}, []))).toBe('nowhere');
  expect(idOf(choosePlace({ weight: 11 }, [full]))).toBe('nowhere');
  expect(idOf(choosePlace({ weight: 3 }, [place('a', { used: 8 })]))).toBe('full');
});

test('a place that can start only some blueprints gets no others', () => {
  const picky = place('a', { blueprints: ['repair'] });
  expect(idOf(choosePlace({ blueprint: 'repair' }, [picky]))).toBe('a');
  expect(idOf(choosePlace({ blueprint: 'diagnose' }, [picky]))).toBe('nowhere');
});

test('rests that are too small for one more are no room (Placement.weight)', () => {
  const places = [place('a', { used: 7 }), place('b', { used: 8 })];
  expect(freeRoom({}, places)).toBe(5);
  expect(freeRoom({ weight: 3 }, places)).toBe(3);
  expect(freeRoom({ labels: { gpu: 'x' } }, places)).toBe('nowhere');
});

test('a step adds its labels to those of its blueprint, and its weight wins', () => {
  expect(mergePlacement(undefined, undefined)).toBeUndefined();
  expect(mergePlacement({ labels: { gpu: 'a' }, weight: 4 }, { labels: { site: 'n' } })).toEqual({
    labels: { gpu: 'a', site: 'n' },
    weight: 4,
  });
  expect(mergePlacement({ weight: 4 }, { weight: 1 })).toEqual({ labels: {}, weight: 1 });
});

test('whatever the places: no place is overfilled, and their order does not matter', () => {
  const places = fc.uniqueArray(
    fc.record({
      id: fc.string({ minLength: 1, maxLength: 3 }),
      labels: fc.dictionary(fc.constantFrom('site', 'gpu'), fc.constantFrom('a', 'b')),
      capacity: fc.integer({ min: 0, max: 20 }),
      used: fc.integer({ min: 0, max: 25 }),
    }),
    { selector: ({ id }) => id, maxLength: 8 },
  );
  const needs = fc.record({
    labels: fc.dictionary(fc.constantFrom('site', 'gpu'), fc.constantFrom('a', 'b')),
    weight: fc.integer({ min: 1, max: 5 }),
  });
  fc.assert(
    fc.property(places, needs, (all, what) => {
      const choice = choosePlace(what, all);
      expect(choosePlace(what, all.toReversed())).toEqual(choice);
      const room = freeRoom(what, all);
      const fits =
        'place' in choice
          ? choice.place.used + what.weight <= choice.place.capacity && Number(room) >= what.weight
          : room === (choice.none === 'full' ? 0 : 'nowhere');
      expect(fits).toBe(true);
    }),
  );
});
