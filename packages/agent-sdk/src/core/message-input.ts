import type { Message, Part } from '@shoal/protocol';
import { isTaskId } from '@shoal/protocol';
import { localError } from '../errors.ts';
import { faultOfParts, toParts } from './output.ts';

/** A message to send: plain text, or its parts. Ids that are left out are made. */
export type MessageInput =
  | string
  | {
      readonly text?: string;
      readonly data?: unknown;
      readonly parts?: readonly Part[];
      /** Default: a new UUID. The same id again is a retry, never a second execution. */
      readonly messageId?: string;
      /** UUID version 4. Default: a new one, which starts a new task. */
      readonly taskId?: string;
      /** Default: a new UUID for a new task; none for a task that exists, whose own context then holds. */
      readonly contextId?: string;
      readonly referenceTaskIds?: readonly string[];
      readonly metadata?: Record<string, unknown>;
      readonly extensions?: readonly string[];
    };

export type OutgoingMessage = Message & { readonly taskId: string };

/** Throws A2aError `invalid-message` naming the field. */
export function toMessage(input: MessageInput, newId: () => string): OutgoingMessage {
  if (typeof input === 'string') {
    return {
      messageId: newId(),
      role: 'ROLE_USER',
      parts: [{ text: input }],
      taskId: newId(),
      contextId: newId(),
    };
  }
  if (typeof input !== 'object' || input === null)
    throw localError('invalid-message', 'message must be a text, or an object with text, data or parts');
  if ('then' in input) throw localError('invalid-message', 'message is a promise: await it');
  const parts = toParts(input);
  const fault = faultOfParts(parts);
  if (fault !== undefined) throw localError('invalid-message', `message.${fault}`);
  if (input.taskId !== undefined && !isTaskId(input.taskId)) {
    throw localError('invalid-message', 'message.taskId must be a UUID of version 4');
  }
  const contextId = input.contextId ?? (input.taskId === undefined ? newId() : undefined);
  return {
    messageId: input.messageId ?? newId(),
    role: 'ROLE_USER',
    parts,
    taskId: input.taskId ?? newId(),
    ...(contextId === undefined ? {} : { contextId }),
    ...(input.referenceTaskIds === undefined ? {} : { referenceTaskIds: [...input.referenceTaskIds] }),
    ...(input.metadata === undefined ? {} : { metadata: input.metadata }),
    ...(input.extensions === undefined ? {} : { extensions: [...input.extensions] }),
  };
}
