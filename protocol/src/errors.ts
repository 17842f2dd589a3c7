/** The one mapping of JSON-RPC errors: A2A's own, the MQTT binding's, JSON-RPC's and ours for authorization. */
import type { Violation } from './protocol-error.ts';
import type { BadRequest, BindingErrorData, ErrorInfo, JsonRpcError } from './schemas/json-rpc.ts';

/** A2A §3.3.2 and §9.5. `httpStatus` as of 1.0.1. */
export const A2A_ERRORS = {
  TaskNotFound: { code: -32001, reason: 'TASK_NOT_FOUND', httpStatus: 404 },
  TaskNotCancelable: { code: -32002, reason: 'TASK_NOT_CANCELABLE', httpStatus: 400 },
  PushNotificationNotSupported: { code: -32003, reason: 'PUSH_NOTIFICATION_NOT_SUPPORTED', httpStatus: 400 },
  UnsupportedOperation: { code: -32004, reason: 'UNSUPPORTED_OPERATION', httpStatus: 400 },
  ContentTypeNotSupported: { code: -32005, reason: 'CONTENT_TYPE_NOT_SUPPORTED', httpStatus: 400 },
  InvalidAgentResponse: { code: -32006, reason: 'INVALID_AGENT_RESPONSE', httpStatus: 500 },
  ExtendedAgentCardNotConfigured: {
    code: -32007,
    reason: 'EXTENDED_AGENT_CARD_NOT_CONFIGURED',
    httpStatus: 400,
  },
  ExtensionSupportRequired: { code: -32008, reason: 'EXTENSION_SUPPORT_REQUIRED', httpStatus: 400 },
  VersionNotSupported: { code: -32009, reason: 'VERSION_NOT_SUPPORTED', httpStatus: 400 },
} as const;

/** Profile: Error Mapping. The codes collide with A2A's; `data.a2a_error` tells them apart. */
export const BINDING_ERRORS = {
  request_expired: { code: -32003, reason: 'REQUEST_EXPIRED', retryable: true },
  responder_unavailable: { code: -32004, reason: 'RESPONDER_UNAVAILABLE', retryable: true },
  transport_protocol_error: { code: -32005, reason: 'TRANSPORT_PROTOCOL_ERROR', retryable: false },
} as const;

/** JSON-RPC 2.0 §5.1. */
export const JSONRPC_ERRORS = {
  ParseError: { code: -32700 },
  InvalidRequest: { code: -32600 },
  MethodNotFound: { code: -32601 },
  InvalidParams: { code: -32602 },
  InternalError: { code: -32603 },
} as const;

/** Neither specification has a code for these; they lie outside every reserved band. */
export const AUTH_ERRORS = {
  Unauthenticated: { code: -31401, reason: 'UNAUTHENTICATED', httpStatus: 401 },
  PermissionDenied: { code: -31403, reason: 'PERMISSION_DENIED', httpStatus: 403 },
} as const;

export type A2aErrorName = keyof typeof A2A_ERRORS;
export type BindingErrorName = keyof typeof BINDING_ERRORS;
export type JsonRpcErrorName = keyof typeof JSONRPC_ERRORS;
export type AuthErrorName = keyof typeof AUTH_ERRORS;

/** `domain` of the ErrorInfo of errors of A2A (A2A §9.5) and of authentication. */
export const A2A_ERROR_DOMAIN = 'a2a-protocol.org';
/** `domain` of the ErrorInfo of errors of the MQTT binding. */
export const BINDING_ERROR_DOMAIN = 'a2a-over-mqtt';
const errorInfoType = 'type.googleapis.com/google.rpc.ErrorInfo';
const badRequestType = 'type.googleapis.com/google.rpc.BadRequest';

function errorInfo(reason: string, domain: string, metadata?: Record<string, string>): ErrorInfo {
  return { '@type': errorInfoType, reason, domain, ...(metadata && { metadata }) };
}

/** `metadata` goes into the ErrorInfo: string values only. */
export function a2aError(
  name: A2aErrorName,
  message: string,
  metadata?: Record<string, string>,
): JsonRpcError {
  const { code, reason } = A2A_ERRORS[name];
  return { code, message, data: [errorInfo(reason, A2A_ERROR_DOMAIN, metadata)] };
}

/** An error of the MQTT binding: `data` is one object with `a2a_error`, unlike that of other errors. `metadata`: string values only. */
export function bindingError(
  name: BindingErrorName,
  message: string,
  metadata?: Record<string, string>,
): JsonRpcError {
  const { code, reason } = BINDING_ERRORS[name];
  const data: BindingErrorData = {
    a2a_error: name,
    details: [errorInfo(reason, BINDING_ERROR_DOMAIN, metadata)],
  };
  return { code, message, data };
}

/** -31401 or -31403 with an ErrorInfo. Give no details away in `message`. */
export function authError(name: AuthErrorName, message: string): JsonRpcError {
  const { code, reason } = AUTH_ERRORS[name];
  return { code, message, data: [errorInfo(reason, A2A_ERROR_DOMAIN)] };
}

/** An error of JSON-RPC itself (`JSONRPC_ERRORS`), without `data`. */
export function jsonRpcError(name: JsonRpcErrorName, message: string): JsonRpcError {
  return { code: JSONRPC_ERRORS[name].code, message };
}

/** -32602 with a BadRequest that names each field. */
export function invalidParams(violations: readonly Violation[], message = 'Invalid params'): JsonRpcError {
  const fieldViolations = violations.map(({ field, message }) => ({ field, description: message }));
  const data: [BadRequest] = [{ '@type': badRequestType, fieldViolations }];
  return { code: JSONRPC_ERRORS.InvalidParams.code, message, data };
}

export interface ErrorClass {
  readonly family: 'core' | 'binding' | 'jsonrpc' | 'auth' | 'unknown';
  /** A name of the tables above, an unknown `a2a_error` as received, or `Unknown`. */
  readonly name: string;
  /** The same request may succeed when it is sent again, by the application's policy. */
  readonly retryable: boolean;
}

/**
 * Tells which error a peer meant. The number alone cannot: `a2a_error` means the binding's (also inside an array), then
 * ErrorInfo's `reason` decides, then the number with its core meaning.
 */
export function classifyError(error: Pick<JsonRpcError, 'code'> & { readonly data?: unknown }): ErrorClass {
  const details = Array.isArray(error.data) ? (error.data as unknown[]) : [error.data];
  for (const detail of details) {
    const name = stringMember(detail, 'a2a_error');
    if (name !== undefined) return binding(name);
  }
  for (const detail of Array.isArray(error.data) ? details : []) {
    const reason = stringMember(detail, 'reason');
    const known = reason === undefined ? undefined : byReason.get(reason);
    if (known !== undefined) return known;
  }
  return byCode.get(error.code) ?? { family: 'unknown', name: 'Unknown', retryable: false };
}

function binding(name: string): ErrorClass {
  const known = Object.hasOwn(BINDING_ERRORS, name) ? BINDING_ERRORS[name as BindingErrorName] : undefined;
  return { family: 'binding', name, retryable: known?.retryable ?? false };
}

const byReason = new Map<string, ErrorClass>();
const byCode = new Map<number, ErrorClass>();
for (const [name, { code }] of Object.entries(JSONRPC_ERRORS)) {
  byCode.set(code, { family: 'jsonrpc', name, retryable: false });
}
for (const [family, table] of [
  ['core', A2A_ERRORS],
  ['auth', AUTH_ERRORS],
] as const) {
  for (const [name, { code, reason }] of Object.entries(table)) {
    const known: ErrorClass = { family, name, retryable: false };
    byReason.set(reason, known);
    byCode.set(code, known);
  }
}
for (const [name, { reason }] of Object.entries(BINDING_ERRORS)) byReason.set(reason, binding(name));

function stringMember(value: unknown, name: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const member = (value as Record<string, unknown>)[name];
  return typeof member === 'string' ? member : undefined;
}
