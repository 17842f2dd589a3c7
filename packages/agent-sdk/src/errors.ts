import type { JsonRpcError } from '@shoal/protocol';
import { classifyError } from '@shoal/protocol';

const BRAND = Symbol.for('@shoal/agent-sdk/A2aError');

/** `local`: nothing of this came over the wire. The others are told apart by the shape of the error object, not by its number. */
export type ErrorFamily = 'local' | 'core' | 'binding' | 'jsonrpc' | 'auth' | 'unknown';

/** Errors that this side finds by itself. Errors of the other side carry the kebab-case name of the A2A error instead. */
export const LOCAL_ERROR_CODES = {
  timeout: 'No reply within the first-reply timeout, after the last attempt.',
  'no-responder': 'The broker took the request and nobody subscribes to the topic, after the last attempt.',
  'no-agent': 'No agent of the directory fits the selection, or the requester has no directory.',
  'publish-refused': 'The broker refused the request; `data.reasonCode` holds the MQTT reason code.',
  'publish-failed': 'The request could not be published, after the last attempt; see `cause`.',
  'stream-idle': 'The stream fell silent and GetTask was not answered either.',
  'invalid-response': 'The other side answered with something that is not what A2A asks for.',
  'invalid-message': 'The message to send is not a valid A2A message.',
  'invalid-card': 'The Agent Card is not valid.',
  'registration-refused': 'The broker did not keep the Agent Card.',
  'store-failed': 'The directory of a store could not be opened; see `cause`.',
  'insecure-transport':
    'An access token would travel over a connection that others can read: use mqtts:// or wss://.',
  'no-peer-key': 'No trusted encryption key of the other agent was found, and nothing is sent in the clear.',
  'unprotected-reply': 'A protected request was answered in the clear, which is not believed.',
  'reply-rejected': 'A protected reply could not be opened, or was not meant for this call.',
  'invalid-input': 'The input of a skill does not match its schema; nothing was sent.',
  'invalid-output': 'The output of a skill does not match its schema.',
  'task-not-completed':
    'A skill did not complete: `data` is the task, which failed, was refused or canceled, or asks for input.',
  'artifact-too-large': 'A raw part is larger than may travel inline, or chunks are larger than may be kept.',
  aborted: 'The caller aborted the call. A task that was started goes on; cancelTask stops it.',
  closed: 'The requester, the agent or its link is closed.',
} as const;

export type LocalErrorCode = keyof typeof LOCAL_ERROR_CODES;

export interface A2aErrorInit {
  readonly rpcCode?: number;
  readonly family?: ErrorFamily;
  readonly retryable?: boolean;
  readonly data?: unknown;
  readonly cause?: unknown;
}

/** Every error of this package. Branch on `code`; see the table in the README. */
export class A2aError extends Error {
  override readonly name = 'A2aError';
  readonly code: string;
  /** The JSON-RPC code when the error came over the wire. Three numbers mean two things each: prefer `code`. */
  readonly rpcCode?: number;
  readonly family: ErrorFamily;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  readonly data: unknown;

  constructor(code: string, message: string, init: A2aErrorInit = {}) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.code = code;
    if (init.rpcCode !== undefined) this.rpcCode = init.rpcCode;
    this.family = init.family ?? 'local';
    this.retryable = init.retryable ?? false;
    this.data = init.data;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** By brand, so it also knows errors of another copy of this package. `code` unset: any of them. */
export function isA2aError(error: unknown, code?: string): error is A2aError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false;
  return code === undefined || (error as unknown as A2aError).code === code;
}

export function localError(code: LocalErrorCode, message: string, init: A2aErrorInit = {}): A2aError {
  return new A2aError(code, message, init);
}

/** The error object of a reply as an exception. */
export function fromRpcError(error: JsonRpcError): A2aError {
  const { family, name, retryable } = classifyError(error);
  return new A2aError(kebab(name), error.message, {
    rpcCode: error.code,
    family,
    retryable,
    data: error.data,
  });
}

function kebab(name: string): string {
  return name
    .replace(/Error$/, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase();
}
