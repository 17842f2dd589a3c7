import type { Scenario } from './scenario.ts';
import {
  CONSOLE,
  KILL,
  PARSE,
  PLAN,
  SCENARIOS_TEST,
  SUPERVISOR,
  SUPERVISOR_TEST,
  WORKFLOW,
} from './test-files.ts';

/** Where an earlier system of this shape was weak; each has a test that it is not so here. */
export const WEAKNESSES: readonly Scenario[] = [
  [
    'S1',
    'an instance dies while nobody supervises',
    `${SUPERVISOR_TEST}: S1: a supervisor that was down when an instance died repairs the session when it is back`,
  ],
  [
    'S2',
    'an error in the code of a step is silent',
    `${WORKFLOW}: S6: an error is a typed failed result and never output; the steps after it are skipped`,
  ],
  [
    'S3',
    'inputs are too large for how they travel',
    `${PLAN}: a plan that is too large for one retained message is refused`,
  ],
  [
    'S4',
    'a step that dies at every start is started for ever',
    `${SUPERVISOR_TEST}: S4: a step that dies at every start is tried so often and not more, and then fails by name`,
  ],
  [
    'S5',
    'two of one step run at once',
    `${WORKFLOW}: a new attempt evicts the old one, whose work is aborted and whose result never appears`,
  ],
  [
    'S6',
    'errors are passed on as results',
    `${WORKFLOW}: S6: an error is a typed failed result and never output; the steps after it are skipped`,
  ],
  [
    'S7',
    'a cancellation hits other sessions, and not who waits',
    `${WORKFLOW}: S7: cancel reaches a running and a waiting step of its own session, and no other`,
  ],
  [
    'S8',
    'a restart of the broker loses everything',
    `${SUPERVISOR}/broker-restart.test.ts: running sessions are carried over by whoever holds them, and end as if nothing had happened`,
  ],
  [
    'S9',
    'retained garbage',
    `${SUPERVISOR_TEST}: rule 16: a finished session keeps a bounded number of records, all expiring, and vanishes after its retention`,
  ],
  [
    'S10',
    'whoever can publish can have work done',
    `${SCENARIOS_TEST}: access rules: a session runs, and a device agent can neither read its records nor fake, start or cancel anything`,
  ],
  [
    'S11',
    'topics of two units meet',
    'protocol/src/access.test.ts: ties a device and an agent to their own topics, and a host to its unit',
  ],
  [
    'S12',
    'the supervisor answers for agents that live',
    `${SUPERVISOR_TEST}: S12: a request to an agent that is not its workflow is none of its business`,
  ],
  [
    'S13',
    'two supervisors do everything twice',
    `${SUPERVISOR_TEST}: two supervisors and every request twice: one session, one attempt of each step, one outcome`,
  ],
  [
    'S14',
    'a request to nobody waits for ever',
    `${CONSOLE}/request-tests.ts: answers a task that asks, and says what became of a request to nobody`,
  ],
  [
    'S15',
    'the first of several ends ends the run',
    `${WORKFLOW}: V10: the closer waits for every step, also for one that nobody needs`,
  ],
  ['S16', 'workflows are not checked', `${PARSE}: a cycle is found and spelled out`],
  [
    'S17',
    'one bad message kills the supervisor',
    `${SUPERVISOR_TEST}: S17: whatever is sent to it, it goes on`,
  ],
  [
    'S18',
    'every join holds a process while it waits',
    'packages/supervisor/src/core/reconcile.test.ts: S18: without spawning ahead a step is claimed when its needs have ended',
  ],
  [
    'S19',
    'all instances hold the one credential',
    `${SUPERVISOR}/credentials.test.ts: an instance has a credential of its own: it does its step, and the broker refuses all else`,
  ],
  [
    'S20',
    'what came before is read as instruction',
    'packages/workflow/src/core/expressions.test.ts: text from a result is data: it is never read as an expression again',
  ],
  [
    'S21',
    'ids of one run differ from message to message',
    `${SCENARIOS_TEST}: 4: every item of a session carries the id of the request, from the first to the last`,
  ],
  [
    'S22',
    'the console runs what agents wrote',
    `${CONSOLE}/request-tests.ts: asks, streams, shows every kind of artifact, runs none of it, and follows up in the same context`,
  ],
  [
    'S23',
    'a join sees its inputs in the order of arrival',
    `${SCENARIOS_TEST}: a join sees its inputs in the order in which it declares them, whoever was first`,
  ],
  [
    'S24',
    'nothing is tested from end to end',
    `${KILL}: ends with the same work order when an instance is killed in mid-step`,
  ],
].map(([id = '', what = '', named = '']) => ({ id, what, tests: [named] }));
