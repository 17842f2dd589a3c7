/** A situation that a system of coordinated agents has to survive, and the tests that show it. */
export interface Scenario {
  readonly id: string;
  readonly what: string;
  /** `file: title`, the title as it stands in the file. */
  readonly tests?: readonly string[];
  /** Why nothing here tests it. */
  readonly untested?: string;
}

const SDK = 'packages/agent-sdk/src/testing';
const SUPERVISOR = 'packages/supervisor/contract';
const WORKFLOW = 'packages/workflow/contract/run-step.test.ts';
const SCENARIOS_TEST = `${SUPERVISOR}/scenarios.test.ts`;
const KILL = 'apps/fleet/test/kill.test.ts';
const NO_COMMAND = 'belongs to a command line for people, which tests itself where it lives';

/** End to end, over a real broker. */
const END_TO_END: readonly Scenario[] = [
  {
    id: '1',
    what: 'an agent that starts has a valid retained card',
    tests: [
      `${SDK}/cases-discovery.ts: a started agent has a retained, valid card that says online; a late subscriber gets it`,
    ],
  },
  {
    id: '2',
    what: 'a direct request returns the answer',
    tests: [
      `${SDK}/cases-requests.ts: a blocking SendMessage gets one reply, with its correlation, its id and its task`,
    ],
  },
  {
    id: '3',
    what: 'streamed messages come in order, before artifact and end',
    tests: [
      `${SDK}/cases-task-streams.ts: a stream is the task, then every update in order, on one correlation`,
      `${SDK}/cases-task-streams.ts: the order of a thousand items is kept`,
      `${WORKFLOW}: a streaming caller sees progress at once, then the artifacts, then the end`,
    ],
  },
  {
    id: '4',
    what: 'every reply carries the id of the task that was asked for',
    tests: [
      `${SDK}/cases-requests.ts: a blocking SendMessage gets one reply, with its correlation, its id and its task`,
      `${SCENARIOS_TEST}: 4: every item of a session carries the id of the request, from the first to the last`,
    ],
  },
  {
    id: '5',
    what: 'a request without a task id is refused, and nothing runs',
    tests: [`${SUPERVISOR}/supervisor.test.ts: is refused with a reason, and nothing is retained`],
  },
  {
    id: '6',
    what: 'one task id twice: the work is done once, the second caller gets what is there',
    tests: [
      `${SDK}/cases-tasks.ts: the same message again after the end is answered with the same task and not executed again`,
      `${SUPERVISOR}/supervisor.test.ts: V9: a retry after the end gets the outcome again, word for word, and nothing runs`,
    ],
  },
  {
    id: '7',
    what: 'A then B: B sees what A put out',
    tests: [`${SCENARIOS_TEST}: 7: a chain: B sees what A put out`],
  },
  {
    id: '8',
    what: 'two producers, one merger',
    tests: [`${SCENARIOS_TEST}: 8: two producers and a merger: it gets both values`],
  },
  {
    id: '9',
    what: 'all replies of one request carry its one correlation',
    tests: [
      `${SDK}/cases-requests.ts: Correlation Data of any bytes and size comes back unchanged`,
      `${SDK}/cases-task-streams.ts: a stream is the task, then every update in order, on one correlation`,
    ],
  },
  {
    id: '10',
    what: 'a forged reply is ignored, the true one counts',
    tests: [
      `${SDK}/cases-replies.ts: replies with unknown or without Correlation Data are reported and ignored`,
      `${SCENARIOS_TEST}: 10: a forged answer under another correlation is nothing to the caller; the true one counts`,
    ],
  },
  {
    id: '11',
    what: 'a running session is canceled, and the caller is told',
    tests: [`${SCENARIOS_TEST}: 11: a running session that is canceled tells its caller so`],
  },
  {
    id: '12',
    what: 'an agent fails, and the caller is told',
    tests: [`${SCENARIOS_TEST}: 12, 13: a failure is told as one, and what needs it never runs`],
  },
  {
    id: '13',
    what: 'a failure in A: B never runs, the session fails',
    tests: [`${SCENARIOS_TEST}: 12, 13: a failure is told as one, and what needs it never runs`],
  },
];

/** By hand, from outside. */
const ACCEPTANCE: readonly Scenario[] = [
  ...['14', '15', '16', '17', '18', '20', '21', '23'].map((id) => ({
    id,
    what: 'set-up, doctor, ask, status and stop by command',
    untested: NO_COMMAND,
  })),
  {
    id: '19',
    what: 'a card is retained and says online',
    tests: [
      `${SDK}/cases-discovery.ts: a lost connection leaves the card as offline; the next connection of the agent says online again`,
    ],
  },
  {
    id: '22',
    what: 'a conversation survives that its agent starts again',
    tests: [
      `${SDK}/cases-durability.ts: with retained tasks, a question outlives its agent: the answer goes to the successor`,
      `${KILL}: ends with the same work order when the device agent that asked is killed; its successor knows the baseline`,
    ],
  },
];

/** Rules that are tested without a network elsewhere. */
const RULES: readonly Scenario[] = [
  {
    id: 'variables',
    what: 'variables: given, defaulted, missing',
    tests: [
      `${SUPERVISOR}/language.test.ts: variables come from the request, else from their default, else they are asked for`,
    ],
  },
  {
    id: 'write-ahead',
    what: 'what is published was stored before',
    tests: [
      `${SCENARIOS_TEST}: write-ahead: at the first word to the caller, the plan and the caller are retained`,
      'packages/agent-sdk/src/io/responder.test.ts: neither acknowledges a request nor runs its handler before the task is stored',
    ],
  },
  {
    id: 'context',
    what: 'another context for a known task is refused; none is fine',
    tests: [
      `${SDK}/cases-requests.ts: contexts: kept, inferred, generated, and refused when they do not belong to the task`,
      `${SUPERVISOR}/supervisor.test.ts: the same task id with another message, context or workflow is refused`,
    ],
  },
  {
    id: 'recovery',
    what: 'after a restart what is complete is kept, what runs goes on, what is missing is done',
    tests: [
      `${SUPERVISOR}/supervisor.test.ts: S1: a supervisor that was down when an instance died repairs the session when it is back`,
      `${WORKFLOW}: V7: a respawned closer skips the work, writes the outcome, and answers`,
    ],
  },
  {
    id: 'join context',
    what: 'a join sees its inputs in the order in which it declares them',
    tests: [
      `${SCENARIOS_TEST}: a join sees its inputs in the order in which it declares them, whoever was first`,
    ],
  },
];

/** What nobody had tested. */
const UNTESTED_ELSEWHERE: readonly Scenario[] = [
  {
    id: 'worker kill and respawn',
    what: 'SIGKILL in the middle of a step',
    tests: [
      `${SUPERVISOR}/chaos.test.ts: an instance is killed in the middle of each step`,
      `${KILL}: ends with the same work order when an instance is killed in mid-step`,
    ],
  },
  {
    id: 'supervisor down and restart',
    what: 'nobody supervises for a while',
    tests: [
      `${SUPERVISOR}/chaos.test.ts: S18: the supervisor is killed and nobody replaces it: the instances finish the session by themselves`,
      `${SUPERVISOR}/chaos.test.ts: supervisor and instance are killed together; another supervisor repairs the session`,
      `${KILL}: ends with the same work order when the supervisor is killed`,
    ],
  },
  {
    id: 'broker restart',
    what: 'with and without its disk',
    tests: [
      `${SUPERVISOR}/broker-restart.test.ts: running sessions are carried over by whoever holds them, and end as if nothing had happened`,
      `${KILL}: ends with the same work order when the broker is killed`,
    ],
  },
  {
    id: 'duplicate delivery',
    what: 'every request twice',
    tests: [
      `${SUPERVISOR}/supervisor.test.ts: two supervisors and every request twice: one session, one attempt of each step, one outcome`,
    ],
  },
  {
    id: 'two supervisors',
    what: 'at once, on one unit',
    tests: [
      `${SUPERVISOR}/supervisor.test.ts: two supervisors and every request twice: one session, one attempt of each step, one outcome`,
      `${SUPERVISOR}/supervisor.test.ts: rule 19: the card of a workflow is held by one supervisor, and another takes it over`,
    ],
  },
  {
    id: 'slow join',
    what: 'one branch takes long',
    tests: [
      `${SCENARIOS_TEST}: a join waits for the slow branch, and takes both`,
      `${SUPERVISOR}/language.test.ts: a join that takes too long fails the step by name`,
    ],
  },
  {
    id: 'cancel of a waiting task',
    what: 'a step that has not begun',
    tests: [
      `${SCENARIOS_TEST}: a step that still waits is canceled too, and never runs`,
      `${WORKFLOW}: S7: cancel reaches a running and a waiting step of its own session, and no other`,
    ],
  },
  {
    id: 'partial failure in a diamond',
    what: 'one branch fails while the other runs',
    tests: [
      `${SCENARIOS_TEST}: C1: a diamond of which one branch fails while the other still runs does not end as completed`,
    ],
  },
  {
    id: 'one agent twice in a fan-out',
    what: 'it is given two steps of a session at once',
    tests: [`${WORKFLOW}: C3: one agent is given two steps of a session at once, and answers each`],
  },
  {
    id: 'retained clean-up',
    what: 'a bound while it lasts, nothing afterwards',
    tests: [
      `${SUPERVISOR}/supervisor.test.ts: rule 16: a finished session keeps a bounded number of records, all expiring, and vanishes after its retention`,
      `${SUPERVISOR}/litter.test.ts: a fan-out of 8 items keeps its items and three records for each`,
    ],
  },
  {
    id: 'access rules',
    what: 'who may not write into a session cannot',
    tests: [
      `${SCENARIOS_TEST}: access rules: a session runs, and a device agent can neither read its records nor fake, start or cancel anything`,
    ],
  },
  {
    id: 'load',
    what: 'many sessions at once',
    tests: [`${SCENARIOS_TEST}: load: twenty sessions at once end as one does, each for its own caller`],
  },
  {
    id: 'dashboard',
    what: 'a console in a browser',
    untested: 'belongs to the console, which tests itself where it lives',
  },
];

export const SCENARIOS: readonly Scenario[] = [...END_TO_END, ...ACCEPTANCE, ...RULES, ...UNTESTED_ELSEWHERE];
