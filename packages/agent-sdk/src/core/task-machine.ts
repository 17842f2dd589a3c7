import type { JsonRpcError, Message } from '@shoal/protocol';
import { a2aError, invalidParams, isInterrupted, isTerminal } from '@shoal/protocol';
import type { TaskRecord } from './task-record.ts';
import { newRecord } from './task-record.ts';

export type Admission =
  /** Store the record, then run the handler. */
  | { readonly kind: 'new'; readonly record: TaskRecord }
  /** An interrupted task goes on with this message. */
  | { readonly kind: 'continue'; readonly record: TaskRecord }
  /** The same message again: answer with the state that exists, run nothing (profile: Retry 4 and 5). */
  | { readonly kind: 'duplicate'; readonly record: TaskRecord }
  | { readonly kind: 'refused'; readonly error: JsonRpcError };

export interface AdmissionInput {
  readonly message: Message;
  readonly taskId: string;
  /** Used when a new task's message names no context. */
  readonly newContextId: () => string;
  readonly at: string;
  /** User property `a2a-task-intent`; without it an unknown task is created. */
  readonly intent?: string | undefined;
  /** Who sends the message, as far as that is proven. */
  readonly owner?: string | undefined;
}

/** What to do with a message, given what is known of its task. */
export function admit(known: TaskRecord | undefined, input: AdmissionInput): Admission {
  const { message } = input;
  if (known === undefined) {
    if (input.intent === 'continue')
      return refused(a2aError('TaskNotFound', `task ${input.taskId} is not known here`));
    const contextId =
      message.contextId === undefined || message.contextId === '' ? input.newContextId() : message.contextId;
    return { kind: 'new', record: newRecord(input.taskId, contextId, message, input.at, input.owner) };
  }
  const { task } = known;
  // Not "forbidden": that would tell a stranger which tasks there are (A2A §13.1).
  if (known.owner !== input.owner)
    return refused(a2aError('TaskNotFound', `task ${input.taskId} is not known here`));
  if (message.contextId !== undefined && message.contextId !== '' && message.contextId !== task.contextId) {
    const field = 'message.contextId';
    return refused(
      invalidParams(
        [{ field, message: `is not the context of task ${task.id}; send that or none` }],
        `${field} is not the task's context`,
      ),
    );
  }
  if (known.messageIds.includes(message.messageId)) return { kind: 'duplicate', record: known };
  const { state } = task.status;
  if (isTerminal(state)) {
    return refused(
      a2aError(
        'UnsupportedOperation',
        `task ${task.id} has ended (${state}); start a new task in the same context`,
      ),
    );
  }
  if (isInterrupted(state)) return { kind: 'continue', record: known };
  return refused(
    a2aError(
      'UnsupportedOperation',
      `task ${task.id} is at work (${state}); it takes messages only when it asks for input`,
    ),
  );
}

function refused(error: JsonRpcError): Admission {
  return { kind: 'refused', error };
}
