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
import { WEAKNESSES } from './weaknesses.ts';

const SDK = 'packages/agent-sdk/src/testing';
const CLI = 'apps/cli/test';
const DECIDE = 'packages/workflow/src/core/decide-step.test.ts';
const REGISTRY = 'packages/registry-client/contract/registry.test.ts';

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
    tests: [`${SUPERVISOR_TEST}: is refused with a reason, and nothing is retained`],
  },
  {
    id: '6',
    what: 'one task id twice: the work is done once, the second caller gets what is there',
    tests: [
      `${SDK}/cases-tasks.ts: the same message again after the end is answered with the same task and not executed again`,
      `${SUPERVISOR_TEST}: V9: a retry after the end gets the outcome again, word for word, and nothing runs`,
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
  {
    id: '14',
    what: 'set-up writes what is needed, and doing it twice is fine',
    tests: [
      `${CLI}/tools.test.ts: writes a project and overwrites nothing`,
      'packages/create-shoal/test/templates.test.ts: every new project passes its own test',
    ],
  },
  {
    id: '15',
    what: 'settings by file, by environment and by flag',
    tests: [
      `${CLI}/command-line.test.ts: lets a flag win over the environment, that over the project, that over the user`,
    ],
  },
  {
    id: '16',
    what: 'a doctor says what of the broker works',
    tests: [
      `${CLI}/doctor.test.ts: finds every feature, and fails because anybody may come in`,
      `${CLI}/doctor.test.ts: says that nothing listens there`,
    ],
  },
  {
    id: '17',
    what: 'one question by command, with the context in the answer',
    tests: [`${CLI}/sessions.test.ts: answers with one document, and goes on in a context`],
  },
  {
    id: '18',
    what: 'two questions in one context',
    tests: [
      `${CLI}/sessions.test.ts: answers with one document, and goes on in a context`,
      `${SDK}/cases-tasks.ts: two tasks of one context run side by side`,
    ],
  },
  {
    id: '20',
    what: 'the state of things by command, also where nothing is set up',
    tests: [
      `${CLI}/sessions.test.ts: lists what supervisors answer for`,
      `${CLI}/command-line.test.ts: says with 5 that nothing listens there`,
    ],
  },
  {
    id: '21',
    what: 'stopping is safe where nothing runs',
    untested: 'there is no command that stops a fleet: its processes belong to whoever started them',
  },
  {
    id: '23',
    what: 'the whole way by command, from an empty folder',
    tests: ['tools/src/ci/check-tour.ts: agents online'],
  },
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
    id: 'dedupe in flight',
    what: 'a repeated request while the first still runs',
    tests: [
      `${SDK}/cases-tasks.ts: a retry of a blocking request that still runs: both get the one result`,
      `${SDK}/cases-tasks.ts: a retry of a running stream gets the task and then the rest; both streams end`,
    ],
  },
  {
    id: 'correlation',
    what: 'replies with right, wrong and missing correlation',
    tests: [
      `${SDK}/cases-replies.ts: replies with unknown or without Correlation Data are reported and ignored`,
      `${SDK}/cases-replies.ts: two requests in flight answered in reverse each get their own answer`,
    ],
  },
  {
    id: 'cancel names the task',
    what: 'a cancellation reaches the task that was asked for, on its own correlation',
    tests: [
      `${SDK}/cases-tasks.ts: CancelTask ends a running task on both correlations, refuses an ended one, and may be repeated`,
    ],
  },
  {
    id: 'error data',
    what: 'errors say by name what they are',
    tests: [
      `${SDK}/cases-requests.ts: version 9.9 is answered -32009 with ErrorInfo`,
      `${SDK}/cases-requests.ts: a request that expired in the queue is not executed, and answered -32003 request_expired`,
    ],
  },
  {
    id: 'ready steps',
    what: 'which steps can begin, what a failure takes with it, and which step ends the run',
    tests: [
      `${DECIDE}: waits for its needs, until the deadline of the session`,
      `${DECIDE}: is skipped when a need failed, and says which`,
      `${PLAN}: of two terminal steps the last in topological order closes`,
    ],
  },
  {
    id: 'registry',
    what: 'agents come, go and are told apart',
    tests: [
      `${REGISTRY}: V03 V05 V07: follows a registration, a death, a return and an unregistration`,
      `${REGISTRY}: V01: knows the cards that were there before, once start resolves, and what broker it is on`,
    ],
  },
  {
    id: 'round trips',
    what: 'records and topics are read back as what was written',
    tests: [
      'protocol/src/validate.test.ts: keeps the fields of a newer writer through a round trip',
      'protocol/test/asyncapi.test.ts: has an address for each kind of topic, and each is read back as such',
    ],
  },
  {
    id: 'definitions',
    what: 'workflows are read from files; what is wrong in one is named',
    tests: [
      `${PARSE}: a sound file becomes a definition`,
      `${PARSE}: an error names file, line, column and field`,
      `${PARSE}: an unknown blueprint is found when the blueprints are known`,
      `${PLAN}: missing, unknown and mistyped variables are all named`,
    ],
  },
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
      `${SUPERVISOR_TEST}: the same task id with another message, context or workflow is refused`,
    ],
  },
  {
    id: 'recovery',
    what: 'after a restart what is complete is kept, what runs goes on, what is missing is done',
    tests: [
      `${SUPERVISOR_TEST}: S1: a supervisor that was down when an instance died repairs the session when it is back`,
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
      `${SUPERVISOR_TEST}: two supervisors and every request twice: one session, one attempt of each step, one outcome`,
    ],
  },
  {
    id: 'two supervisors',
    what: 'at once, on one unit',
    tests: [
      `${SUPERVISOR_TEST}: two supervisors and every request twice: one session, one attempt of each step, one outcome`,
      `${SUPERVISOR_TEST}: rule 19: the card of a workflow is held by one supervisor, and another takes it over`,
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
      `${SUPERVISOR_TEST}: rule 16: a finished session keeps a bounded number of records, all expiring, and vanishes after its retention`,
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
    tests: [
      `${CONSOLE}/fleet-tests.ts: sees an agent die before its eyes, and says why`,
      `${CONSOLE}/page-tests.ts: is worked with the keyboard alone: from signing in to a step of a run`,
    ],
  },
];

export const SCENARIOS: readonly Scenario[] = [
  ...END_TO_END,
  ...ACCEPTANCE,
  ...RULES,
  ...UNTESTED_ELSEWHERE,
  ...WEAKNESSES,
];
