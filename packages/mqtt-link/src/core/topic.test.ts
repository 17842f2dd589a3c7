import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assertTopicFilter, assertTopicName, matchTopic } from './topic.ts';

/** MQTT 5 §4.7 by the letter, level by level. */
function matchByLevels(filter: string, topic: string): boolean {
  const levels = filter.split('/');
  const names = topic.split('/');
  if (topic.startsWith('$') && (levels[0] === '+' || levels[0] === '#')) return false;
  for (const [index, level] of levels.entries()) {
    if (level === '#') return true;
    if (index >= names.length || (level !== '+' && level !== names[index])) return false;
  }
  return levels.length === names.length;
}

describe('matchTopic', () => {
  test.each([
    ['a/b', 'a/b', true],
    ['a/b', 'a/b/c', false],
    ['a/+', 'a/b', true],
    ['a/+', 'a/', true],
    ['a/+', 'a', false],
    ['a/+/c', 'a/b/c', true],
    ['+', 'a/b', false],
    ['+/+', '/a', true],
    ['/+', '/a', true],
    ['+', '/a', false],
    ['#', 'a/b', true],
    ['a/#', 'a', true],
    ['a/#', 'a/b/c', true],
    ['a/#', 'ab', false],
    ['a/+/#', 'a/b', true],
    ['a/+/#', 'a', false],
    ['#', '$SYS/x', false],
    ['+/x', '$SYS/x', false],
    ['$SYS/#', '$SYS/x', true],
    ['$a2a/v1/+/o/u/a', '$a2a/v1/request/o/u/a', true],
    ['$share/g/a/+', 'a/b', true],
    ['$share/g/#', '$a2a/x', false],
    ['$share/g/$a2a/#', '$a2a/x', true],
  ])('%s and %s: %s', (filter, topic, expected) => {
    expect(matchTopic(filter, topic)).toBe(expected);
  });

  test('agrees with a matcher that goes level by level', () => {
    const name = fc.constantFrom('', 'a', 'b', 'ab', '$x');
    const topic = fc.array(name, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'));
    const filter = fc
      .tuple(fc.array(fc.oneof(name, fc.constant('+')), { minLength: 1, maxLength: 4 }), fc.boolean())
      .map(([levels, deep]) => [...levels, ...(deep ? ['#'] : [])].join('/'));
    fc.assert(
      fc.property(filter, topic, (filter, topic) => {
        expect(matchTopic(filter, topic)).toBe(matchByLevels(filter, topic));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('checks', () => {
  test.each(['', 'a/+', 'a/#', 'a\0b', 'x'.repeat(65_536)])('%j is no topic name', (topic) => {
    expect(() => assertTopicName('topic', topic)).toThrowError(
      expect.objectContaining({ code: 'invalid-topic', message: expect.stringContaining('topic') as string }),
    );
  });

  test.each(['', 'a+', 'a/b#', '#/a', 'a\0', '$share/g', '$share//a', '$share/+/a', '$share/g/'])(
    '%j is no topic filter',
    (filter) => {
      expect(() => assertTopicFilter('filter', filter)).toThrowError(
        expect.objectContaining({ code: 'invalid-topic' }),
      );
    },
  );

  test.each(['a', '/', '+', '#', '+/#', 'a/+/b/#', '$share/g/a/#', '$a2a/v1/#'])(
    '%j is a topic filter',
    (filter) => {
      expect(() => assertTopicFilter('filter', filter)).not.toThrow();
    },
  );
});
