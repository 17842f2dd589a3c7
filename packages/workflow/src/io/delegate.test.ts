import type { Requester } from '@shoal/agent-sdk';
import type { Part, StreamResponse, Task } from '@shoal/protocol';
import { expect, test } from 'vitest';
import { derivedTaskId } from '../core/derived-id.ts';
import { isStepError, type StepError } from '../errors.ts';
import type { StepContext, StepOutput } from '../types/blueprint.ts';
import { delegate } from './delegate.ts';

const SESSION = '3f0c2f7e-7a63-4a0b-9d0e-5a8f4f1f2a01';

function taskOf(id: string, state: Task['status']['state'], code?: string): Task {
  const metadata = code === undefined ? {} : { metadata: { code } };
  const message = {
    messageId: 'm',
    role: 'ROLE_AGENT' as const,
    parts: [{ text: 'so it was' }],
    ...metadata,
  };
  return { id, contextId: 'c', status: { state, message } };
}

/** Asks an agent that answers as `answer` says, by the place of the task among those that the step asks for. */
async function ask(
  attempt: number,
  answer: (nth: number, id: string) => Task | undefined,
  input: StepContext['input'] = {},
) {
  const asked: string[] = [];
  const parts: Part[][] = [];
  const requester = {
    stream: async function* (
      _: unknown,
      message: { taskId: string; parts: Part[] },
    ): AsyncIterable<StreamResponse> {
      const { taskId } = message;
      asked.push(taskId);
      parts.push(message.parts);
      const task = answer(asked.length, taskId);
      if (task !== undefined) yield await Promise.resolve({ task });
    },
    cancelTask: () => Promise.resolve(),
  } as unknown as Requester;
  const context = {
    org: 'o',
    unit: 'u',
    sessionId: SESSION,
    stepId: 'a',
    workflowId: 'flow',
    attempt,
    input,
  };
  const run = delegate({ agent: 'pump' }).run({
    ...context,
    requester,
    signal: new AbortController().signal,
    progress: () => undefined,
  } as unknown as StepContext);
  const end = await run.catch((error: unknown) => {
    if (isStepError(error)) return error;
    throw error;
  });
  return { asked, parts, end };
}

const restarted = (_: number, id: string): Task => taskOf(id, 'TASK_STATE_FAILED', 'agent-restarted');

test('a task that died with its agent leaves open what was done, and may be asked for again', async () => {
  const { asked, end } = await ask(1, restarted);
  expect(end as StepError).toMatchObject({ code: 'AGENT_FAILED', retryable: true, effectUnknown: true });
  expect(asked).toEqual([derivedTaskId(SESSION, 'a')]);
});

test('the next attempt passes over the task that died, and starts one of its own', async () => {
  const { asked, end } = await ask(2, (nth, id) =>
    nth === 1 ? restarted(nth, id) : taskOf(id, 'TASK_STATE_COMPLETED'),
  );
  expect((end as StepOutput).output).toBe('so it was');
  expect(asked).toEqual([derivedTaskId(SESSION, 'a'), derivedTaskId(SESSION, 'a', 'again-1')]);
});

test('each attempt starts one task at most', async () => {
  const { asked, end } = await ask(3, restarted);
  expect(asked).toHaveLength(3);
  expect(end).toMatchObject({ code: 'AGENT_FAILED' });
});

test('a text in the input is the first part, for agents that read text alone', async () => {
  const done = (_: number, id: string): Task => taskOf(id, 'TASK_STATE_COMPLETED');
  const { parts } = await ask(1, done, { text: 'how is it?', deviceId: 'pump-01' });
  expect(parts).toEqual([[{ text: 'how is it?' }, { data: { text: 'how is it?', deviceId: 'pump-01' } }]]);
  expect((await ask(1, done, { text: 7 })).parts).toEqual([[{ data: { text: 7 } }]]);
});

test.each([
  ['a task that its agent failed', 'TASK_STATE_FAILED', false],
  ['one that it rejected', 'TASK_STATE_REJECTED', false],
  ['one that it broke off', 'TASK_STATE_CANCELED', true],
] as const)('%s: whether the effect is known', async (_, state, effectUnknown) => {
  const { end } = await ask(1, (__, id) => taskOf(id, state));
  expect(end as StepError).toMatchObject({ retryable: false, effectUnknown });
});

test('no word at all leaves everything open', async () => {
  const { end } = await ask(1, () => undefined);
  expect(end as StepError).toMatchObject({ code: 'AGENT_SILENT', effectUnknown: true });
});
