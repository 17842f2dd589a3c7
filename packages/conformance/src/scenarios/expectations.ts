import { deepEqual, equal, ok } from 'node:assert/strict';
import type { Client, Exchange, RequestInit } from '../io/client.ts';
import type { ResponderStage } from '../io/responder-stage.ts';
import { params, type MessageFields } from '../core/request.ts';
import { at, stateOf, textOf, type Reply } from '../core/reply.ts';
import { classifyError, type JsonRpcError } from '@shoal/protocol';

export const COMPLETED = 'TASK_STATE_COMPLETED';

export function send(text: string, fields: MessageFields = {}): RequestInit {
  return { method: 'SendMessage', params: params(text, fields) };
}

export function stream(text: string, fields: MessageFields = {}): RequestInit {
  return { method: 'SendStreamingMessage', params: params(text, fields) };
}

/** Waits for the end of the exchange and returns its last reply. */
export async function last(exchange: Exchange): Promise<Reply> {
  return (await exchange.until()).at(-1) as Reply;
}

/** The exchange ends with COMPLETED; returns all text of its replies. */
export async function completes(exchange: Exchange): Promise<string> {
  const replies = await exchange.until();
  const end = replies.at(-1) as Reply;
  equal(stateOf(end.json), COMPLETED, `the last reply says ${brief(end.json)}`);
  return replies.map(({ json }) => textOf(json)).join('\n');
}

/** A plain request is served: what came before did no harm. */
export async function assertServes(stage: ResponderStage, client: Client): Promise<void> {
  const text = await completes(client.request(stage.target, send('still there?')));
  ok(text.includes('still there?'), 'the test agent echoes a text that is no command');
}

/** The request is answered by an error of this code, and the agent goes on serving. */
export async function refused(
  stage: ResponderStage,
  client: Client,
  init: RequestInit,
  code: number | readonly number[],
): Promise<JsonRpcError> {
  const reply = await client.request(stage.target, init).next();
  const error = errorOf(reply.json);
  const codes = [code].flat();
  ok(codes.includes(error.code), `error code ${codes.join(' or ')} expected, ${brief(reply.json)} came`);
  await assertServes(stage, client);
  return error;
}

export function errorOf(json: unknown): JsonRpcError {
  const error = at(json, 'error');
  ok(typeof error === 'object' && error !== null, `an error is expected, ${brief(json)} came`);
  equal(typeof at(error, 'code'), 'number', 'error.code is a number');
  equal(typeof at(error, 'message'), 'string', 'error.message is a text');
  return error as JsonRpcError;
}

/** The error is one of the binding, told by `data.a2a_error` (profile: Error Mapping 5). */
export function assertBinding(error: JsonRpcError, name: string): void {
  deepEqual(at(error, 'data', 'a2a_error'), name, `error.data.a2a_error of ${brief(error)}`);
  equal(classifyError(error).family, 'binding');
}

export function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
