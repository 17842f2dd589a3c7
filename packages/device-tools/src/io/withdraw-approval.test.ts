import type { ToolApproval } from '@shoal/protocol';
import { expect, test } from 'vitest';
import { whyTooLate, type Withdrawal } from './withdraw-approval.ts';

const approval: ToolApproval = {
  schemaVersion: 1,
  approvalId: 'a-1',
  deviceId: 'pump-01',
  tool: 'stop',
  args: {},
  action: 'approve',
  by: 'ada',
  at: '2026-01-01T00:00:00Z',
  expiresAt: '2026-01-01T00:10:00Z',
};

test('whoever takes an approval back too late is told what was done under it, and that it was the last', () => {
  expect(whyTooLate({ approval, used: true })).toBe(
    'a-1 was used: stop was called on pump-01 under it, and nothing undoes that. No other call can be made under it',
  );
});

test.each<Withdrawal>([{ approval, used: false }, { approval }])(
  'nobody is told so without being known to be late: %j',
  (withdrawal) => {
    expect(whyTooLate(withdrawal)).toBeUndefined();
  },
);
