import type { JsonRpcError, Validation } from '@shoal/protocol';
import {
  describeViolations,
  invalidParams,
  jsonRpcError,
  validateCancelTaskRequest,
  validateDeleteTaskPushNotificationConfigRequest,
  validateGetExtendedAgentCardRequest,
  validateGetTaskPushNotificationConfigRequest,
  validateGetTaskRequest,
  validateListTaskPushNotificationConfigsRequest,
  validateListTasksRequest,
  validateSendMessageRequest,
  validateSubscribeToTaskRequest,
  validateTaskPushNotificationConfig,
} from '@shoal/protocol';
import type { RequestCall } from './decode-request.ts';

export type SendCall = Omit<
  Extract<RequestCall, { method: 'SendMessage' | 'SendStreamingMessage' }>,
  'taskId'
>;
export type ValidCall = SendCall | Exclude<RequestCall, { method: 'SendMessage' | 'SendStreamingMessage' }>;
type Outcome = { readonly call: ValidCall } | { readonly error: JsonRpcError };

export function validateParams(method: string, params: unknown): Outcome {
  switch (method) {
    case 'SendMessage':
    case 'SendStreamingMessage':
      return outcome(validateSendMessageRequest(params), (params) => ({ method, params }));
    case 'GetTask':
      return outcome(validateGetTaskRequest(params), (params) => ({ method, params }));
    case 'ListTasks':
      return outcome(validateListTasksRequest(params ?? {}), (params) => ({ method, params }));
    case 'CancelTask':
      return outcome(validateCancelTaskRequest(params), (params) => ({ method, params }));
    case 'SubscribeToTask':
      return outcome(validateSubscribeToTaskRequest(params), (params) => ({ method, params }));
    case 'CreateTaskPushNotificationConfig':
      return outcome(validateTaskPushNotificationConfig(params), (params) => ({ method, params }));
    case 'GetTaskPushNotificationConfig':
      return outcome(validateGetTaskPushNotificationConfigRequest(params), (params) => ({ method, params }));
    case 'ListTaskPushNotificationConfigs':
      return outcome(validateListTaskPushNotificationConfigsRequest(params), (params) => ({
        method,
        params,
      }));
    case 'DeleteTaskPushNotificationConfig':
      return outcome(validateDeleteTaskPushNotificationConfigRequest(params), (params) => ({
        method,
        params,
      }));
    case 'GetExtendedAgentCard':
      return outcome(validateGetExtendedAgentCardRequest(params ?? {}), (params) => ({ method, params }));
    default:
      return {
        error: jsonRpcError(
          'MethodNotFound',
          `no method ${JSON.stringify(method.slice(0, 64))}; A2A 1.0 names are PascalCase`,
        ),
      };
  }
}

function outcome<T>(validation: Validation<T>, toCall: (params: T) => ValidCall): Outcome {
  if (validation.ok) return { call: toCall(validation.value) };
  const { violations } = validation;
  return { error: invalidParams(violations, `invalid params: ${describeViolations(violations)}`) };
}
