import type { InboundMessage } from '@shoal/mqtt-link';
import type { StreamResponse, Validation } from '@shoal/protocol';
import { describeViolations, parseJson, validateStreamResponse } from '@shoal/protocol';
import type { A2aError } from '../errors.ts';
import { fromRpcError, localError } from '../errors.ts';

export type Reply<T> = { readonly value: T } | { readonly error: A2aError };

/** The result of SendMessage and every item of a stream: exactly one of task, message, statusUpdate, artifactUpdate. */
export function readItem(message: InboundMessage): Reply<StreamResponse> {
  return readReply(message, validateStreamResponse);
}

export function readReply<T>(message: InboundMessage, validate: (value: unknown) => Validation<T>): Reply<T> {
  const json = parseJson(message.payload);
  if (!json.ok) return invalid(`not JSON: ${describeViolations(json.violations)}`);
  const envelope = json.value;
  if (!isObject(envelope)) return invalid('not a JSON-RPC object');
  if (envelope['error'] !== undefined) return readError(envelope['error']);
  const valid = validate(envelope['result']);
  return valid.ok ? { value: valid.value } : invalid(`result: ${describeViolations(valid.violations)}`);
}

function readError(error: unknown): { readonly error: A2aError } {
  if (!isObject(error) || typeof error['code'] !== 'number') return invalid('error.code is not a number');
  const { code, message, data } = error;
  return {
    error: fromRpcError({ code, message: typeof message === 'string' ? message : `error ${code}`, data }),
  };
}

function invalid(what: string): { readonly error: A2aError } {
  return { error: localError('invalid-response', `the responder sent an invalid reply: ${what}`) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
