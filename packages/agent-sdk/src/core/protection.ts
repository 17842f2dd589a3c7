import type { InboundMessage, UserProperties } from '@shoal/mqtt-link';
import type { AgentAddress, JsonRpcError } from '@shoal/protocol';
import type { Identity, TokenIdentity } from './identity.ts';

/** A payload as it goes over the wire under a security profile. */
export interface SealedPayload {
  readonly payload: string;
  readonly contentType: string;
  readonly userProperties: UserProperties;
}

/** Seals the replies to one request, in the order of the calls. */
export interface ReplySeal {
  seal(payload: string): Promise<SealedPayload>;
}

export type OpenedRequest =
  | {
      readonly kind: 'opened';
      readonly message: InboundMessage;
      readonly agent: AgentAddress;
      readonly seal: ReplySeal;
    }
  /** Answered in the clear: there is no key to answer with, or nobody has proven to have asked. */
  | { readonly kind: 'refused'; readonly error: JsonRpcError }
  /** Not answered: an error would end the call of the requester whose message somebody repeats. */
  | { readonly kind: 'dropped'; readonly reason: string };

/** End-to-end protection of payloads, both ends. `ubsp` of `@shoal/agent-sdk/security` makes one. */
export interface PayloadProtection {
  openRequest(message: InboundMessage, self: AgentAddress): Promise<OpenedRequest>;
  sealRequest(
    payload: string,
    from: AgentAddress,
    to: AgentAddress,
    correlationData: Uint8Array,
  ): Promise<SealedPayload>;
  /** The message in the clear. Rejects with A2aError `unprotected-reply`, or `reply-rejected` for one that is not to be believed. */
  openReply(message: InboundMessage, self: AgentAddress, from: AgentAddress): Promise<InboundMessage>;
}

/** Checks the access token of a request. `bearerTokens` of `@shoal/agent-sdk/security` makes one. */
export interface TokenValidator {
  /** Whether tokens may travel over a connection to a broker on this machine without TLS. */
  readonly allowLoopback: boolean;
  /** `values`: all values of the user property `a2a-authorization`. Never rejects, and never puts a token into an error. */
  validate(
    values: readonly string[],
  ): Promise<{ readonly token: TokenIdentity } | { readonly error: JsonRpcError }>;
}

/** A request that passed the guard: its payload in the clear, its token taken out. */
export interface GuardedMessage extends InboundMessage {
  readonly identity?: Identity;
  readonly seal?: ReplySeal;
}

/** The same message with some fields replaced; what is not replaced is the original's, `text` included. */
export function withFields(
  message: InboundMessage,
  fields: Partial<GuardedMessage>,
  encoded?: string,
): GuardedMessage {
  return Object.create(
    message,
    Object.getOwnPropertyDescriptors({
      ...fields,
      ...(encoded === undefined
        ? {}
        : { payload: new TextEncoder().encode(encoded), text: (): string => encoded }),
    }),
  ) as GuardedMessage;
}
