import { Type, type TUnsafe } from 'typebox';
import { def, type Static } from './def.ts';
import { Message } from './message.ts';
import { TaskPushNotificationConfig } from './push.ts';
import { Metadata, OptionalFlag, OptionalText, OptionalTexts, Text, Timestamp } from './base.ts';
import { Task, TaskState } from './task.ts';

const HistoryLength = Type.Optional(
  Type.Integer({ minimum: 0, description: 'Messages of history wanted. Unset: no limit. 0: none.' }),
);

const $SendMessageConfiguration = Type.Object({
  acceptedOutputModes: OptionalTexts,
  taskPushNotificationConfig: Type.Optional(TaskPushNotificationConfig),
  historyLength: HistoryLength,
  returnImmediately: OptionalFlag,
});
/** `returnImmediately` unset or false blocks until the task is terminal or interrupted. */
export interface SendMessageConfiguration extends Static<typeof $SendMessageConfiguration> {}
export const SendMessageConfiguration: TUnsafe<SendMessageConfiguration> = def(
  'SendMessageConfiguration',
  $SendMessageConfiguration,
);

const $SendMessageRequest = Type.Object({
  message: Message,
  tenant: OptionalText,
  configuration: Type.Optional(SendMessageConfiguration),
  metadata: Metadata,
});
export interface SendMessageRequest extends Static<typeof $SendMessageRequest> {}
export const SendMessageRequest: TUnsafe<SendMessageRequest> = def('SendMessageRequest', $SendMessageRequest);

const $GetTaskRequest = Type.Object({ id: Text, tenant: OptionalText, historyLength: HistoryLength });
export interface GetTaskRequest extends Static<typeof $GetTaskRequest> {}
export const GetTaskRequest: TUnsafe<GetTaskRequest> = def('GetTaskRequest', $GetTaskRequest);

const $ListTasksRequest = Type.Object({
  tenant: OptionalText,
  contextId: OptionalText,
  status: Type.Optional(TaskState),
  pageSize: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  pageToken: OptionalText,
  historyLength: HistoryLength,
  statusTimestampAfter: Type.Optional(Timestamp),
  includeArtifacts: OptionalFlag,
});
/** `pageSize` unset: 50. `includeArtifacts` unset or false: the tasks have no `artifacts` key. */
export interface ListTasksRequest extends Static<typeof $ListTasksRequest> {}
export const ListTasksRequest: TUnsafe<ListTasksRequest> = def('ListTasksRequest', $ListTasksRequest);

const $ListTasksResponse = Type.Object({
  tasks: Type.Array(Task),
  nextPageToken: Type.String({ description: 'Always present; empty on the last page.' }),
  pageSize: Type.Integer({ minimum: 0 }),
  totalSize: Type.Integer({ minimum: 0 }),
});
export interface ListTasksResponse extends Static<typeof $ListTasksResponse> {}
export const ListTasksResponse: TUnsafe<ListTasksResponse> = def('ListTasksResponse', $ListTasksResponse);

const $CancelTaskRequest = Type.Object({ id: Text, tenant: OptionalText, metadata: Metadata });
export interface CancelTaskRequest extends Static<typeof $CancelTaskRequest> {}
export const CancelTaskRequest: TUnsafe<CancelTaskRequest> = def('CancelTaskRequest', $CancelTaskRequest);

const $SubscribeToTaskRequest = Type.Object({ id: Text, tenant: OptionalText });
export interface SubscribeToTaskRequest extends Static<typeof $SubscribeToTaskRequest> {}
export const SubscribeToTaskRequest: TUnsafe<SubscribeToTaskRequest> = def(
  'SubscribeToTaskRequest',
  $SubscribeToTaskRequest,
);

const $GetExtendedAgentCardRequest = Type.Object({ tenant: OptionalText });
export interface GetExtendedAgentCardRequest extends Static<typeof $GetExtendedAgentCardRequest> {}
export const GetExtendedAgentCardRequest: TUnsafe<GetExtendedAgentCardRequest> = def(
  'GetExtendedAgentCardRequest',
  $GetExtendedAgentCardRequest,
);
