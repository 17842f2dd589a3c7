import type { BrokerCanary } from '@shoal/protocol';
import { expect, test } from 'vitest';
import { judgeDurability } from './durability.ts';

const canary = (state: BrokerCanary['state'], bootId?: string): BrokerCanary => ({
  schemaVersion: 1,
  state,
  ...(bootId === undefined ? {} : { bootId }),
  refuse: false,
  supervisorId: 's',
  at: '2026-01-01T00:00:00Z',
});

test.each([
  ['it says that it keeps nothing', undefined, { declared: 'none' }, false, 'lossy'],
  ['it says what it survives', canary('lossy'), { declared: 'process' }, true, 'durable'],
  ['records were missing', canary('durable', 'a'), { bootId: 'b' }, true, 'lossy'],
  ['the canary is of an earlier start', canary('unproven', 'a'), { bootId: 'b' }, false, 'durable'],
  [
    'the canary of a lossy time is of an earlier start',
    canary('lossy', 'a'),
    { bootId: 'b' },
    false,
    'durable',
  ],
  ['the canary is of this start', canary('unproven', 'a'), { bootId: 'a' }, false, 'unproven'],
  ['a loss was told by another', canary('lossy', 'a'), { bootId: 'a' }, false, 'lossy'],
  ['there is no canary', undefined, { bootId: 'a' }, false, 'unproven'],
  ['it says nothing of itself', canary('durable'), {}, false, 'durable'],
  [
    'uptimes that mean one start',
    canary('unproven', 'up:1000000'),
    { bootId: 'up:1010000' },
    false,
    'unproven',
  ],
  ['uptimes that mean another', canary('unproven', 'up:1000000'), { bootId: 'up:2000000' }, false, 'durable'],
] as const)('%s', (_, known, signs, sawLoss, verdict) => {
  expect(judgeDurability(known, signs, sawLoss)).toBe(verdict);
});
