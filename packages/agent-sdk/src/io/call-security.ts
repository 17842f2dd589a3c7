import type { InboundMessage, Link, Logger, UserProperties } from '@shoal/mqtt-link';
import type { AgentAddress, JsonRpcError } from '@shoal/protocol';
import { AUTH_ERRORS, USER_PROPERTIES, parseA2aTopic, userPropertyValues } from '@shoal/protocol';
import type { MaybePromise } from '../core/keyed-lock.ts';
import type { PayloadProtection } from '../core/protection.ts';
import type { Target } from '../core/target.ts';
import { isA2aError, localError } from '../errors.ts';
import type { OutgoingRequest, PreparedRequest } from './call.ts';
import { tokenAllowed } from './transport-policy.ts';

export interface TokenRequest {
  readonly target: Target;
  /** The agent answered UNAUTHENTICATED to the last token: get another one. Returning the same gives up. */
  readonly refused: boolean;
}

/** An access token without its scheme word, or undefined to send none. It is asked for before every attempt. */
export type TokenSource = (request: TokenRequest) => MaybePromise<string | undefined>;

export interface CallSecurityOptions {
  readonly link: Link;
  readonly address: AgentAddress;
  readonly logger: Logger;
  readonly encryption?: PayloadProtection | undefined;
  readonly token?: TokenSource | undefined;
  readonly allowTokenOnLoopback?: boolean | undefined;
  readonly onProblem: (reason: string, topic: string) => void;
}

/** What one call does to be believed and not overheard: its tokens, its seal. */
export class CallSecurity {
  readonly #options: CallSecurityOptions;
  readonly #target: Target;
  #token: string | undefined;
  /** The agent to which an attempt went, by its Correlation Data. */
  readonly #asked = new Map<string, AgentAddress>();
  #refused = false;

  constructor(options: CallSecurityOptions, target: Target) {
    this.#options = options;
    this.#target = target;
  }

  async prepare(
    request: Pick<OutgoingRequest, 'payload' | 'userProperties'>,
    topic: string,
    correlationData: Uint8Array,
  ): Promise<PreparedRequest> {
    const userProperties = { ...request.userProperties, ...(await this.#authorization()) };
    const { encryption, address } = this.#options;
    if (encryption === undefined)
      return { payload: request.payload, contentType: 'application/json', userProperties };
    const to = parseA2aTopic(topic);
    if (to?.kind !== 'request')
      throw localError(
        'no-peer-key',
        'a pool cannot be asked with encryption: which member reads is not known',
      );
    this.#asked.set(keyOf(correlationData), to.address);
    const sealed = await encryption.sealRequest(request.payload, address, to.address, correlationData);
    return { ...sealed, userProperties: { ...userProperties, ...sealed.userProperties } };
  }

  /** Undefined for what is not to be believed: whoever can inject it could otherwise end the call. */
  async open(message: InboundMessage): Promise<InboundMessage | undefined> {
    const { encryption, address, onProblem } = this.#options;
    if (encryption === undefined) return message;
    const from = this.#asked.get(keyOf(message.correlationData));
    if (from === undefined) return undefined;
    try {
      return await encryption.openReply(message, address, from);
    } catch (error) {
      // An error in the clear is most likely from a responder that could not open the request: waiting would not help.
      if (isA2aError(error, 'unprotected-reply') && isRpcError(message)) throw error;
      onProblem(error instanceof Error ? error.message : String(error), message.topic);
      return undefined;
    }
  }

  /** Whether the reply says UNAUTHENTICATED and there is a newer token to try: once for each call. */
  async mayAskAgain(message: InboundMessage): Promise<boolean> {
    const { token } = this.#options;
    if (token === undefined || this.#refused) return false;
    if (rpcErrorOf(message)?.code !== AUTH_ERRORS.Unauthenticated.code) return false;
    this.#refused = true;
    const before = this.#token;
    const next = await token({ target: this.#target, refused: true });
    return next !== undefined && next !== before;
  }

  async #authorization(): Promise<UserProperties> {
    const { token, link, allowTokenOnLoopback = false } = this.#options;
    if (token === undefined) return {};
    const value = await token({ target: this.#target, refused: false });
    this.#token = value;
    if (value === undefined) return {};
    if (!tokenAllowed(link.transport, allowTokenOnLoopback)) {
      throw localError(
        'insecure-transport',
        `the access token was not sent: the connection to the broker is ${link.transport}; use mqtts:// or wss:// with a verified certificate`,
      );
    }
    if (!/^[\w.~+/=-]+$/.test(value))
      throw localError(
        'invalid-message',
        'the token source returned what is not a bearer token (RFC 6750 §2.1)',
      );
    return { [USER_PROPERTIES.authorization]: `Bearer ${value}` };
  }
}

/** A token in plain user properties would go around the check of the transport. */
export function assertNoToken(properties: UserProperties | undefined): void {
  if (userPropertyValues(properties, USER_PROPERTIES.authorization).length > 0)
    throw localError('invalid-message', 'give access tokens as `token`, not as a user property');
}

function isRpcError(message: InboundMessage): boolean {
  return rpcErrorOf(message) !== undefined;
}

function rpcErrorOf(message: InboundMessage): Partial<JsonRpcError> | undefined {
  try {
    const { error } = JSON.parse(message.text()) as { readonly error?: unknown };
    return typeof error === 'object' && error !== null ? error : undefined;
  } catch {
    return undefined;
  }
}

function keyOf(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : String.fromCharCode(...bytes);
}
