import type { Task } from '@shoal/protocol';
import type { Static, TSchema } from 'typebox';
import { dataOf } from '../core/message-content.ts';
import type { MaybePromise } from '../core/keyed-lock.ts';
import { whenReady, isPromise } from '../core/keyed-lock.ts';
import type { Output } from '../core/output.ts';
import type { SkillHandler } from '../core/skill-handler.ts';
import type { Target } from '../core/target.ts';
import { localError } from '../errors.ts';
import type { CallOptions, Requester } from '../io/requester-types.ts';
import type { TaskContext } from '../io/task-context.ts';
import { checker } from './checker.ts';

export interface SkillDefinition<I extends TSchema, O extends TSchema> {
  /** Unique in the agent. */
  readonly id: string;
  readonly description: string;
  /** Default: the id. */
  readonly name?: string;
  /** Default: the id. */
  readonly tags?: readonly string[];
  readonly examples?: readonly string[];
  readonly input: I;
  readonly output: O;
}

/** A skill as both ends know it: put it into a module that the agent and its callers import. */
export interface Skill<I extends TSchema, O extends TSchema> extends SkillDefinition<I, O> {
  /**
   * The skill with what carries it out, for `createAgent({ skills })`. The input was checked; what it returns is checked too. Undefined
   * is returned after `task.inputRequired` and its like, which end the run.
   */
  handler(
    handle: (input: Static<I>, task: TaskContext) => MaybePromise<Static<O> | undefined>,
  ): SkillHandler<TaskContext>;
  /**
   * Asks an agent to do it. Rejects with A2aError `invalid-input` before anything is sent, `invalid-output` when the answer is not what
   * the skill promises, `task-not-completed` (its `data` is the task) when the agent failed, refused, or asks for input.
   */
  call(requester: Requester, target: Target, input: Static<I>, options?: CallOptions): Promise<Static<O>>;
}

/** The types of a skill follow from its schemas, at both ends; both ends check what they send and what they get. */
export function defineSkill<I extends TSchema, O extends TSchema>(
  definition: SkillDefinition<I, O>,
): Skill<I, O> {
  const { id, name, description, tags, examples, input, output } = definition;
  const faultOfInput = checker(input, 'input');
  const faultOfOutput = checker(output, 'output');
  const card = {
    id,
    description,
    inputModes: ['application/json'],
    outputModes: ['application/json'],
    ...(name === undefined ? {} : { name }),
    ...(tags === undefined ? {} : { tags: [...tags] }),
    ...(examples === undefined ? {} : { examples: [...examples] }),
  };
  return {
    ...definition,
    handler: (handle) => ({
      card,
      schemas: { input, output },
      run(task): MaybePromise<Output | undefined> {
        const fault = faultOfInput(task.data);
        if (fault !== undefined) {
          task.reject({ text: `${id}: ${fault}`, data: { code: 'invalid-input' } });
          return undefined;
        }
        const result = handle(task.data as Static<I>, task);
        return whenReady(isThenable(result) ? Promise.resolve(result) : result, (value) =>
          checkedOutput(id, value, faultOfOutput),
        );
      },
    }),
    async call(requester, target, value, options = {}) {
      const fault = faultOfInput(value);
      if (fault !== undefined) throw localError('invalid-input', `${id}: ${fault}`);
      const answer = await requester.send(target, { data: value, metadata: { skill: id } }, options);
      const data = 'parts' in answer ? dataOf(answer) : dataOfTask(id, answer);
      const wrong = faultOfOutput(data);
      if (wrong !== undefined) throw localError('invalid-output', `${id}: ${wrong}`, { data: answer });
      return data as Static<O>;
    },
  };
}

function checkedOutput(
  id: string,
  value: unknown,
  faultOf: (value: unknown) => string | undefined,
): Output | undefined {
  if (value === undefined) return undefined;
  const fault = faultOf(value);
  if (fault !== undefined) throw localError('invalid-output', `${id}: ${fault}`);
  return { data: value };
}

function dataOfTask(id: string, task: Task): unknown {
  const { state, message } = task.status;
  if (state === 'TASK_STATE_COMPLETED') {
    return task.artifacts?.flatMap(({ parts }) => parts).find((part) => 'data' in part)?.data;
  }
  const said = message?.parts.flatMap(({ text }) => (text === undefined ? [] : [text])).join('\n') ?? '';
  throw localError('task-not-completed', `${id} ended as ${state}${said === '' ? '' : `: ${said}`}`, {
    data: task,
  });
}

function isThenable<T>(value: MaybePromise<T>): value is Promise<T> {
  return isPromise(value) || typeof (value as { readonly then?: unknown } | undefined)?.then === 'function';
}
