import {
  A2AError,
  InvalidAgentResponseError,
  JsonRpcTransportError,
  RequestMalformedError,
} from '@a2a-js/sdk/errors';
import { isMqttTransportError } from '@shoal/a2a-js-mqtt';
import { AUTH_ERRORS } from '@shoal/protocol';
import { inspect } from 'node:util';

const DOMAIN = 'a2a-over-mqtt';

/**
 * What HTTP clients are told of an error that A2A has no name for. JSON-RPC shows it as -32603 with an ErrorInfo; HTTP+JSON with its own
 * status. `transport` and `statusCode` are what the SDK's handlers look at.
 */
export class GatewayError extends A2AError {
  readonly transport = 'rest';
  readonly statusCode: number;
  override readonly reason: string;
  /** Whether the same request may succeed a little later. */
  readonly retryable: boolean;

  constructor(
    statusCode: number,
    reason: string,
    message: string,
    { retryable = false, cause }: { readonly retryable?: boolean; readonly cause?: unknown } = {},
  ) {
    super({ message, cause });
    this.statusCode = statusCode;
    this.reason = reason;
    this.retryable = retryable;
  }

  /** One line: the SDK's handlers print what they send, and these are no faults of the gateway. */
  [inspect.custom](): string {
    return `${this.reason}: ${this.message}`;
  }

  override toErrorInfo(): ReturnType<A2AError['toErrorInfo']> {
    // The SDK's type knows no reasons but A2A's own.
    return { ...super.toErrorInfo(), domain: DOMAIN as 'a2a-protocol.org' };
  }
}

/** Codes of `@shoal/agent-sdk` by what a caller on HTTP can make of them. */
const UNAVAILABLE = new Set([
  'no-responder',
  'responder-unavailable',
  'publish-failed',
  'closed',
  'no-agent',
]);
const TOO_LATE = new Set(['timeout', 'stream-idle', 'request-expired']);

/**
 * The errors of the MQTT binding share their numbers with errors of A2A that mean something else: none of them goes out under its
 * number. What the agent said itself goes through unchanged.
 */
export function toHttpError(error: unknown): unknown {
  if (error instanceof JsonRpcTransportError) return authErrorOf(error) ?? error;
  if (!isMqttTransportError(error)) return error;
  const { code, message, retryable } = error;
  const cause = { cause: error, retryable };
  if (UNAVAILABLE.has(code))
    return new GatewayError(503, 'AGENT_UNAVAILABLE', `the agent cannot be reached: ${message}`, cause);
  if (TOO_LATE.has(code))
    return new GatewayError(504, 'AGENT_TIMEOUT', `the agent did not answer in time: ${message}`, cause);
  if (code === 'invalid-message') return new RequestMalformedError({ message, cause: error });
  if (code === 'invalid-response') return new InvalidAgentResponseError({ message, cause: error });
  if (code === 'insecure-transport')
    return new GatewayError(
      500,
      'INSECURE_BROKER',
      'the gateway may not pass a token to the broker without TLS',
      cause,
    );
  return new GatewayError(502, 'BROKER_REFUSED', `the broker or the agent refused: ${message}`, cause);
}

function authErrorOf({ envelopeCode, message }: JsonRpcTransportError): GatewayError | undefined {
  for (const { code, reason, httpStatus } of Object.values(AUTH_ERRORS))
    if (code === envelopeCode) return new GatewayError(httpStatus, reason, message);
  return undefined;
}
