import { randomUUID } from 'node:crypto';

export interface MessageFields {
  readonly [name: string]: unknown;
  readonly taskId?: unknown;
  readonly contextId?: unknown;
}

export interface SentMessage extends Record<string, unknown> {
  readonly messageId: string;
  readonly taskId: string;
  readonly contextId: string;
}

/** A valid message of a new task, with fields replaced; a field set to undefined is left out of the JSON. */
export function message(text: string, fields: MessageFields = {}): SentMessage {
  return {
    messageId: randomUUID(),
    role: 'ROLE_USER',
    parts: [{ text }],
    taskId: randomUUID(),
    contextId: randomUUID(),
    ...fields,
  } as SentMessage;
}

/** Parameters of SendMessage and SendStreamingMessage. */
export function params(text: string, fields: MessageFields = {}): { readonly message: SentMessage } {
  return { message: message(text, fields) };
}
