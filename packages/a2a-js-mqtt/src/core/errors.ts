import { A2AError } from '@a2a-js/sdk/errors';
import { fromJsonRpcErrorResponse } from '@a2a-js/sdk/errors';
import type { A2aError as CallError } from '@shoal/agent-sdk';
import { isA2aError } from '@shoal/agent-sdk';

/**
 * What only MQTT knows: nobody subscribes, no reply came, the responder is too busy. `code` is that of `@shoal/agent-sdk`:
 * `no-responder`, `timeout`, `responder-unavailable`, `request-expired`, … All else is one of the SDK's own error classes.
 */
export class MqttTransportError extends A2AError {
  override readonly name: string = 'MqttTransportError';
  readonly code: string;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;

  constructor(cause: CallError) {
    super({ message: cause.message, cause });
    this.code = cause.code;
    this.retryable = cause.retryable;
  }
}

/** By name, so it also knows errors of another copy of this package. `code` unset: any of them. */
export function isMqttTransportError(error: unknown, code?: string): error is MqttTransportError {
  if (!(error instanceof Error) || error.name !== 'MqttTransportError') return false;
  return code === undefined || (error as MqttTransportError).code === code;
}

/**
 * Three numbers mean two things each on this binding: -32004 is UnsupportedOperation, or a responder that is busy. The SDK goes by the
 * number alone, so the binding's errors are taken out before it sees them.
 */
export function toSdkError(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason;
  if (!isA2aError(error)) return error;
  const { family, rpcCode, message, data } = error;
  const isItsOwn = rpcCode !== undefined && family !== 'binding' && family !== 'local';
  if (!isItsOwn) return new MqttTransportError(error);
  const body = {
    code: rpcCode,
    message,
    ...(Array.isArray(data) ? { data: data as Record<string, unknown>[] } : {}),
  };
  return fromJsonRpcErrorResponse({ jsonrpc: '2.0', id: null, error: body });
}
