import { expect, it } from 'vitest';
import { ClaimBook, parseClaim, taskNamedIn } from './claim-book.ts';

const claim = (request: string, agentId: string, task?: string) => ({
  schemaVersion: 1 as const,
  request,
  agentId,
  ...(task === undefined ? {} : { task }),
});

it('the first claim of a request has it, and the task too', () => {
  const book = new ClaimBook('me');
  expect(book.note(claim('r', 'a', 't'))).toBe('a');
  expect(book.note(claim('r', 'me', 't'))).toBe('a');
  expect([book.winnerOf('r'), book.winnerOf('other')]).toEqual(['a', undefined]);
});

it('who knows a task is let go first, then who has room', () => {
  const book = new ClaimBook('me');
  expect([book.patienceMs('t', true), book.patienceMs('t', false), book.patienceMs(undefined, true)]).toEqual(
    [0, 200, 0],
  );
  book.note(claim('r', 'other', 't'));
  expect(book.patienceMs('t', true)).toBe(500);
  book.note(claim('r2', 'me', 't'));
  expect(book.patienceMs('t', false)).toBe(0);
});

it('forgets the oldest beyond its limit', () => {
  const book = new ClaimBook('me', 2);
  for (const request of ['1', '2', '3']) book.note(claim(request, 'a'));
  expect(['1', '2', '3'].map((request) => book.winnerOf(request))).toEqual([undefined, 'a', 'a']);
});

it('reads claims and payloads of others without trusting them', () => {
  expect(parseClaim({ schemaVersion: 1, request: 'r', agentId: 'a', more: 1 })).toEqual(claim('r', 'a'));
  for (const bad of [
    null,
    'x',
    {},
    { ...claim('r', 'a'), task: 1 },
    { ...claim('r', 'a'), schemaVersion: 2 },
  ])
    expect(parseClaim(bad)).toBeUndefined();
  expect(taskNamedIn({ params: { message: { taskId: 'T' } } })).toBe('t');
  expect(taskNamedIn({ params: { id: 'T' } })).toBe('t');
  for (const odd of [null, 1, {}, { params: null }, { params: { message: [] } }])
    expect(taskNamedIn(odd)).toBeUndefined();
});
