import { randomUUID } from 'node:crypto';
import { Role } from '@a2a-js/sdk';
import type { SendMessageRequest } from '@a2a-js/sdk';

/** A message of text as the official client takes it; what is not given is new, or empty. */
export function textRequest(
  text: string,
  ids: { readonly taskId?: string; readonly messageId?: string; readonly contextId?: string } = {},
): SendMessageRequest {
  return {
    tenant: '',
    message: {
      messageId: ids.messageId ?? randomUUID(),
      role: Role.ROLE_USER,
      parts: [{ content: { $case: 'text', value: text }, metadata: undefined, filename: '', mediaType: '' }],
      taskId: ids.taskId ?? '',
      contextId: ids.contextId ?? '',
      metadata: undefined,
      extensions: [],
      referenceTaskIds: [],
    },
    configuration: undefined,
    metadata: undefined,
  };
}
