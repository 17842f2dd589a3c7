import type { InboundMessage } from '@shoal/mqtt-link';
import type {
  CancelTaskRequest,
  DeleteTaskPushNotificationConfigRequest,
  GetExtendedAgentCardRequest,
  GetTaskPushNotificationConfigRequest,
  GetTaskRequest,
  JsonRpcError,
  ListTaskPushNotificationConfigsRequest,
  ListTasksRequest,
  SendMessageRequest,
  SubscribeToTaskRequest,
  TaskPushNotificationConfig,
} from '@shoal/protocol';
import {
  a2aError,
  bindingError,
  describeViolations,
  isTaskId,
  jsonRpcError,
  negotiateVersion,
  parseJson,
} from '@shoal/protocol';
import type { Identity } from './identity.ts';
import type { GuardedMessage, ReplySeal } from './protection.ts';
import { errorPayload } from './payloads.ts';
import type { JsonRpcId } from './payloads.ts';
import { readServiceParameters } from './service-parameters.ts';
import type { ServiceParameters } from './service-parameters.ts';
import { validateParams } from './validate-params.ts';
import type { SendCall, ValidCall } from './validate-params.ts';

/** Where the replies to a request go. */
export interface ReplyPath {
  readonly responseTopic: string;
  /** Absent only when the request had none: then nothing but one error is ever sent. */
  readonly correlationData?: Uint8Array;
  /** Protects the replies, when the request was protected. */
  readonly seal?: ReplySeal;
  /** Of every reply, for example the name of the pool member that sends it. */
  readonly userProperties?: Readonly<Record<string, string>>;
}

export type RequestCall =
  | {
      readonly method: 'SendMessage' | 'SendStreamingMessage';
      readonly params: SendMessageRequest;
      readonly taskId: string;
    }
  | { readonly method: 'GetTask'; readonly params: GetTaskRequest }
  | { readonly method: 'ListTasks'; readonly params: ListTasksRequest }
  | { readonly method: 'CancelTask'; readonly params: CancelTaskRequest }
  | { readonly method: 'SubscribeToTask'; readonly params: SubscribeToTaskRequest }
  | { readonly method: 'CreateTaskPushNotificationConfig'; readonly params: TaskPushNotificationConfig }
  | {
      readonly method: 'GetTaskPushNotificationConfig';
      readonly params: GetTaskPushNotificationConfigRequest;
    }
  | {
      readonly method: 'ListTaskPushNotificationConfigs';
      readonly params: ListTaskPushNotificationConfigsRequest;
    }
  | {
      readonly method: 'DeleteTaskPushNotificationConfig';
      readonly params: DeleteTaskPushNotificationConfigRequest;
    }
  | { readonly method: 'GetExtendedAgentCard'; readonly params: GetExtendedAgentCardRequest };

export type DecodedRequest = RequestCall & {
  readonly ok: true;
  readonly id: JsonRpcId;
  readonly reply: ReplyPath;
  readonly service: ServiceParameters;
  /** On the clock of `InboundMessage.receivedAtMs`; absent when the request never expires. */
  readonly expiresAtMs?: number;
  /** Who sent it, as far as a guard has proven it. */
  readonly identity?: Identity;
};

export interface RejectedRequest {
  readonly ok: false;
  /** For the log: names the field. Never holds the payload. */
  readonly reason: string;
  readonly error: JsonRpcError;
  /** Absent when there is nowhere to answer to. */
  readonly answer?: { readonly path: ReplyPath; readonly payload: string };
}

export interface DecodeOptions {
  /** User properties of every reply. */
  readonly replyProperties?: Readonly<Record<string, string>> | undefined;
  /** Extensions that the card marks `required`: a request that does not name them gets -32008. */
  readonly requiredExtensions?: readonly string[];
  /** The error for a method that is not offered at all, whatever its parameters; undefined when it is. */
  readonly decline?: (method: string) => JsonRpcError | undefined;
}

/** Topic and correlation, envelope, version, parameters: everything that can be told without knowing any task. Never throws. */
export function decodeRequest(
  message: InboundMessage | GuardedMessage,
  options: DecodeOptions = {},
): DecodedRequest | RejectedRequest {
  const { responseTopic, correlationData } = message;
  const { seal, identity } = message as GuardedMessage;
  const { replyProperties: userProperties } = options;
  const properties = userProperties === undefined ? undefined : { userProperties };
  if (responseTopic === undefined || responseTopic === '') {
    return reject(
      undefined,
      null,
      bindingError('transport_protocol_error', 'the request has no Response Topic'),
    );
  }
  if (/[+#\0]/.test(responseTopic)) {
    return reject(
      undefined,
      null,
      bindingError('transport_protocol_error', 'the Response Topic holds a wildcard'),
    );
  }
  if (correlationData === undefined) {
    const error = bindingError(
      'transport_protocol_error',
      'the request has no Correlation Data: send unique bytes with each request',
    );
    return reject({ responseTopic, ...properties }, null, error);
  }
  const reply: ReplyPath = {
    responseTopic,
    correlationData,
    ...properties,
    ...(seal === undefined ? {} : { seal }),
  };
  const envelope = readEnvelope(message.payload);
  if ('error' in envelope) return reject(reply, envelope.id, envelope.error);
  const { id, method, params } = envelope;
  const service = readServiceParameters(message.userProperties);
  const refusal = checkService(service, options.requiredExtensions);
  if (refusal !== undefined) return reject(reply, id, refusal);

  const declined = options.decline?.(method);
  if (declined !== undefined) return reject(reply, id, declined);
  const call = readCall(method, params);
  if ('error' in call) return reject(reply, id, call.error);
  const mismatch = checkContext(call, service);
  if (mismatch !== undefined) return reject(reply, id, mismatch);
  const expiry = message.messageExpirySeconds;
  return {
    ok: true,
    id,
    reply,
    service,
    ...call,
    ...(expiry === undefined ? {} : { expiresAtMs: message.receivedAtMs + expiry * 1000 }),
    ...(identity === undefined ? {} : { identity }),
  };
}

type Envelope =
  | { readonly id: JsonRpcId; readonly method: string; readonly params: unknown }
  | { readonly id: JsonRpcId; readonly error: JsonRpcError };

function readEnvelope(payload: Uint8Array): Envelope {
  const json = parseJson(payload);
  if (!json.ok)
    return {
      id: null,
      error: jsonRpcError('ParseError', `the payload is not JSON: ${describeViolations(json.violations)}`),
    };
  if (!isObject(json.value)) return invalidRequest(null, 'the payload must be one JSON-RPC request object');
  const { jsonrpc, id, method, params } = json.value;
  const readableId = typeof id === 'string' || (typeof id === 'number' && Number.isFinite(id)) ? id : null;
  if (jsonrpc !== '2.0') return invalidRequest(readableId, 'jsonrpc must be "2.0"');
  if (readableId === null)
    return invalidRequest(null, 'id must be a string or a number: A2A has no notifications');
  if (typeof method !== 'string' || method === '')
    return invalidRequest(readableId, 'method must be a string');
  return { id: readableId, method, params };
}

function readCall(method: string, params: unknown): RequestCall | { readonly error: JsonRpcError } {
  const valid = validateParams(method, params);
  if ('error' in valid) return valid;
  const { call } = valid;
  if (!isSend(call)) return call;
  const { taskId } = call.params.message;
  if (taskId === undefined || taskId === '') {
    return {
      error: bindingError(
        'transport_protocol_error',
        'message.taskId is missing: the requester chooses it (UUID version 4)',
      ),
    };
  }
  if (!isTaskId(taskId)) {
    return { error: bindingError('transport_protocol_error', 'message.taskId is not a UUID of version 4') };
  }
  return { taskId, ...call };
}

function checkService(
  service: ServiceParameters,
  required: readonly string[] | undefined,
): JsonRpcError | undefined {
  if (negotiateVersion(service.version) === undefined) {
    return a2aError(
      'VersionNotSupported',
      `a2a-version ${JSON.stringify(service.version)} is not spoken here; use 1.0`,
    );
  }
  const missing = required?.find((uri) => !service.extensions.includes(uri));
  if (missing === undefined) return undefined;
  return a2aError(
    'ExtensionSupportRequired',
    `name the extension ${missing} in the user property a2a-extensions`,
  );
}

function checkContext(call: RequestCall, service: ServiceParameters): JsonRpcError | undefined {
  if (service.contextId === undefined || !('taskId' in call)) return undefined;
  const { contextId } = call.params.message;
  if (contextId === undefined || contextId === service.contextId) return undefined;
  return bindingError(
    'transport_protocol_error',
    'user property a2a-context-id differs from message.contextId',
  );
}

function invalidRequest(id: JsonRpcId, description: string): Envelope {
  return { id, error: jsonRpcError('InvalidRequest', description) };
}

function reject(path: ReplyPath | undefined, id: JsonRpcId, error: JsonRpcError): RejectedRequest {
  const rejected = { ok: false, reason: `${error.code} ${error.message}`, error } as const;
  return path === undefined ? rejected : { ...rejected, answer: { path, payload: errorPayload(id, error) } };
}

function isSend(call: ValidCall): call is SendCall {
  return call.method === 'SendMessage' || call.method === 'SendStreamingMessage';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
