import type { SendMessageRequest, TaskPushNotificationConfig } from '@shoal/protocol';
import type { OutgoingMessage } from './message-input.ts';

export interface SendOptions {
  readonly acceptedOutputModes?: readonly string[];
  readonly historyLength?: number;
  readonly returnImmediately?: boolean;
  readonly requestMetadata?: Record<string, unknown>;
  readonly pushNotification?: Omit<TaskPushNotificationConfig, 'taskId'>;
}

export function sendParams(message: OutgoingMessage, options: SendOptions): SendMessageRequest {
  const { acceptedOutputModes, historyLength = 0, returnImmediately, requestMetadata } = options;
  // JSON leaves out what is undefined.
  return {
    message,
    configuration: {
      historyLength,
      acceptedOutputModes,
      returnImmediately: returnImmediately === true ? true : undefined,
      taskPushNotificationConfig: options.pushNotification,
    },
    metadata: requestMetadata,
  } as SendMessageRequest;
}
