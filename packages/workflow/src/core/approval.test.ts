import type { ApprovalDecision, ApprovalRequest } from '@shoal/protocol';
import { expect, test } from 'vitest';
import { claimed, graphYaml, planOf, SESSION_ID, T0, viewOf } from '../testing/index.ts';
import { pendingApproval } from '../io/session-control.ts';
import { approvalEnd, pendingApprovals } from './approval.ts';
import { decideStep } from './decide-step.ts';
import { taskOf } from './outcome.ts';
import { isoTime } from './time.ts';

const ids = { schemaVersion: 1 as const, sessionId: SESSION_ID, stepId: 'a' };
const request: ApprovalRequest = {
  ...ids,
  attempt: 1,
  claimId: 'c1',
  prompt: 'Stop it?',
  approvers: ['boss'],
  at: isoTime(T0),
  expiresAt: isoTime(T0 + 10_000),
};
const word = (action: 'approve' | 'deny', by: string, at = T0): ApprovalDecision => ({
  ...ids,
  action,
  by,
  at: isoTime(at),
});

test('nothing is decided while it is open and nobody whose word counts has spoken', () => {
  expect(approvalEnd({ approval: request }, T0 + 9_999)).toBeUndefined();
  expect(approvalEnd({ approval: request, decision: word('approve', 'clerk') }, T0)).toBeUndefined();
});

test('approved and denied, with who it was', () => {
  expect(approvalEnd({ approval: request, decision: word('approve', 'boss') }, T0)).toMatchObject({
    state: 'completed',
    output: { approved: true, by: 'boss' },
  });
  expect(approvalEnd({ approval: request, decision: word('deny', 'boss') }, T0)).toMatchObject({
    state: 'failed',
    error: { code: 'DENIED', details: { by: 'boss' } },
  });
});

test('no word until it expires is a denial, and so is one that came later; one in time counts whenever it is read', () => {
  const expired = { state: 'failed', error: { code: 'APPROVAL_EXPIRED' } };
  expect(approvalEnd({ approval: request }, T0 + 10_000)).toMatchObject(expired);
  const late = { approval: request, decision: word('approve', 'boss', T0 + 10_001) };
  expect(approvalEnd(late, T0 + 10_002)).toMatchObject(expired);
  const inTime = { approval: request, decision: word('approve', 'boss', T0 + 9_000) };
  expect(approvalEnd(inTime, T0 + 60_000)).toMatchObject({ state: 'completed' });
});

test('the step asks, parks until it expires, and ends by the word; meanwhile the task asks for input', () => {
  const session = planOf(
    'id: flow\ndescription: x\nsteps: [{ id: a, use: { approval: { prompt: Stop it? } } }]',
  );
  const claim = { stepId: 'a', attempt: 1, claimId: 'c1' };
  expect(decideStep(viewOf(session, { a: claimed('a', 1) }), claim, T0)).toEqual({ do: 'ask' });
  const open = viewOf(session, { a: { ...claimed('a', 1), approval: request } });
  expect(decideStep(open, claim, T0)).toEqual({ do: 'park', untilMs: T0 + 10_000 });
  expect(pendingApprovals(open).map(({ id }) => id)).toEqual(['a']);
  expect(taskOf(open)).toMatchObject({
    status: { state: 'TASK_STATE_INPUT_REQUIRED' },
    metadata: { approvals: ['a'] },
  });
  const decided = viewOf(session, {
    a: { ...claimed('a', 1), approval: request, decision: word('deny', 'boss') },
  });
  expect(decideStep(decided, claim, T0)).toMatchObject({ do: 'finish', state: 'failed' });
  expect(pendingApprovals(decided)).toEqual([]);
  expect(graphYaml({ a: [] })).not.toContain('approval');
});

test('a second word is told who gave the first, and that it stands', () => {
  const session = planOf(
    'id: flow\ndescription: x\nsteps: [{ id: a, use: { approval: { prompt: Stop it? } } }]',
  );
  const decided = viewOf(session, { a: { approval: request, decision: word('approve', 'boss') } });
  for (const stepId of [undefined, 'a'])
    expect(() => pendingApproval(decided, stepId)).toThrow(
      /^boss approved a at 20.*took effect at once and cannot be taken back/,
    );
  expect(() => pendingApproval(decided, 'b')).toThrow(/no approval b: none is open/);
});
