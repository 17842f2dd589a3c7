import type { JsonRpcError, Validation } from '@shoal/protocol';
import {
  describeViolations,
  invalidParams,
  jsonRpcError,
  validateCancelTaskRequest,
  validateGetTaskRequest,
  validateListTasksRequest,
  validateSendMessageRequest,
  validateSubscribeToTaskRequest,
} from '@shoal/protocol';
import type { RequestCall, UnsupportedMethod } from './decode-request.ts';

export type SendCall = Omit<
  Extract<RequestCall, { method: 'SendMessage' | 'SendStreamingMessage' }>,
  'taskId'
>;
export type ValidCall = SendCall | Exclude<RequestCall, { method: 'SendMessage' | 'SendStreamingMessage' }>;
type Outcome = { readonly call: ValidCall } | { readonly error: JsonRpcError };

/** Methods of A2A that this SDK knows and declines, each with its own error (A2A §3.1.7 to §3.1.11). */
const UNSUPPORTED: ReadonlySet<string> = new Set<UnsupportedMethod>([
  'CreateTaskPushNotificationConfig',
  'GetTaskPushNotificationConfig',
  'ListTaskPushNotificationConfigs',
  'DeleteTaskPushNotificationConfig',
  'GetExtendedAgentCard',
]);

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
    default:
      if (isUnsupported(method)) return { call: { method, params } };
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

function isUnsupported(method: string): method is UnsupportedMethod {
  return UNSUPPORTED.has(method);
}
