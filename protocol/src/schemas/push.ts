import { Type, type TUnsafe } from 'typebox';
import { def, type Static } from './def.ts';
import { OptionalText, Text } from './base.ts';

const $AuthenticationInfo = Type.Object({ scheme: Text, credentials: OptionalText });
export interface AuthenticationInfo extends Static<typeof $AuthenticationInfo> {}
export const AuthenticationInfo: TUnsafe<AuthenticationInfo> = def('AuthenticationInfo', $AuthenticationInfo);

const $TaskPushNotificationConfig = Type.Object({
  url: Text,
  tenant: OptionalText,
  id: OptionalText,
  taskId: OptionalText,
  token: OptionalText,
  authentication: Type.Optional(AuthenticationInfo),
});
export interface TaskPushNotificationConfig extends Static<typeof $TaskPushNotificationConfig> {}
export const TaskPushNotificationConfig: TUnsafe<TaskPushNotificationConfig> = def(
  'TaskPushNotificationConfig',
  $TaskPushNotificationConfig,
);

const $GetTaskPushNotificationConfigRequest = Type.Object({ taskId: Text, id: Text, tenant: OptionalText });
export interface GetTaskPushNotificationConfigRequest extends Static<
  typeof $GetTaskPushNotificationConfigRequest
> {}
export const GetTaskPushNotificationConfigRequest: TUnsafe<GetTaskPushNotificationConfigRequest> = def(
  'GetTaskPushNotificationConfigRequest',
  $GetTaskPushNotificationConfigRequest,
);

const $DeleteTaskPushNotificationConfigRequest = Type.Object({
  taskId: Text,
  id: Text,
  tenant: OptionalText,
});
export interface DeleteTaskPushNotificationConfigRequest extends Static<
  typeof $DeleteTaskPushNotificationConfigRequest
> {}
export const DeleteTaskPushNotificationConfigRequest: TUnsafe<DeleteTaskPushNotificationConfigRequest> = def(
  'DeleteTaskPushNotificationConfigRequest',
  $DeleteTaskPushNotificationConfigRequest,
);

const $ListTaskPushNotificationConfigsRequest = Type.Object({
  taskId: Text,
  pageSize: Type.Optional(Type.Integer()),
  pageToken: OptionalText,
  tenant: OptionalText,
});
export interface ListTaskPushNotificationConfigsRequest extends Static<
  typeof $ListTaskPushNotificationConfigsRequest
> {}
export const ListTaskPushNotificationConfigsRequest: TUnsafe<ListTaskPushNotificationConfigsRequest> = def(
  'ListTaskPushNotificationConfigsRequest',
  $ListTaskPushNotificationConfigsRequest,
);

const $ListTaskPushNotificationConfigsResponse = Type.Object({
  configs: Type.Optional(Type.Array(TaskPushNotificationConfig)),
  nextPageToken: OptionalText,
});
export interface ListTaskPushNotificationConfigsResponse extends Static<
  typeof $ListTaskPushNotificationConfigsResponse
> {}
export const ListTaskPushNotificationConfigsResponse: TUnsafe<ListTaskPushNotificationConfigsResponse> = def(
  'ListTaskPushNotificationConfigsResponse',
  $ListTaskPushNotificationConfigsResponse,
);
