import type { SpawnOrderDocument } from '@shoal/protocol';
import { expect, test } from 'vitest';
import { HostLedger } from './host-ledger.ts';

const order = (claimId: string, placement?: SpawnOrderDocument['placement']): SpawnOrderDocument => ({
  kind: 'agent',
  org: 'o',
  unit: 'u',
  attempt: 1,
  claimId,
  blueprint: 'work',
  agentId: 'a',
  config: {},
  ...(placement === undefined ? {} : { placement }),
});

test('it counts weights, and gives the place back when something leaves', () => {
  const ledger = new HostLedger({ labels: {}, capacity: 3 });
  expect(ledger.admit('o1', order('c1', { weight: 2 }))).toBeUndefined();
  expect(ledger.admit('o2', order('c2', { weight: 2 }))).toMatchObject({ reason: 'full' });
  expect(ledger.admit('o3', order('c3'))).toBeUndefined();
  expect(ledger.used).toBe(3);
  expect(ledger.leave('c1')).toBe('o1');
  expect(ledger.leave('c1')).toBeUndefined();
  expect(ledger.used).toBe(1);
});

test('it says why it does not take something', () => {
  const ledger = new HostLedger({ labels: { site: 'north' }, capacity: 2, blueprints: ['work'] });
  expect(ledger.admit('o1', order('c1', { labels: { site: 'south' } }))).toMatchObject({ reason: 'labels' });
  expect(ledger.admit('o2', { ...order('c2'), blueprint: 'other' })).toMatchObject({ reason: 'blueprint' });
  expect(ledger.admit('o3', order('c3', { weight: 3 }))).toMatchObject({ reason: 'full' });
  expect(ledger.used).toBe(0);
});

test('an order that is given again goes by its new id', () => {
  const ledger = new HostLedger({ labels: {}, capacity: 2 });
  ledger.admit('o1', order('c1'));
  expect(ledger.runs('c1')).toBe(true);
  ledger.rename('c1', 'o2');
  expect(ledger.leave('c1')).toBe('o2');
});
