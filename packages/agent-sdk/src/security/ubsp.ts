import type { InboundMessage } from '@shoal/mqtt-link';
import type { AgentAddress } from '@shoal/protocol';
import { USER_PROPERTIES, bindingError, parseA2aTopic, userProperty } from '@shoal/protocol';
import type { JSONWebKeySet, JWK } from 'jose';
import {
  CompactEncrypt,
  SignJWT,
  base64url,
  compactDecrypt,
  createLocalJWKSet,
  generalDecrypt,
  importJWK,
  jwtVerify,
} from 'jose';
import type { OpenedRequest, PayloadProtection, ReplySeal, SealedPayload } from '../core/protection.ts';
import { withFields } from '../core/protection.ts';
import { localError } from '../errors.ts';
import type { AgentKeys } from './agent-keys.ts';
import { nameOf } from './agent-keys.ts';
import type { PeerKeys } from './peer-keys.ts';
import { ReplayGuard } from './replay-guard.ts';

/** Name of the profile that encrypts requests and replies end to end, as user properties carry it. */
export const UBSP_V1 = 'ubsp-v1';

export interface UbspOptions {
  readonly keys: AgentKeys;
  readonly peers: PeerKeys;
  /** Seconds for which a message may be opened after it was sealed. Default 60, at most 600. Keep it above the time in queues. */
  readonly lifetimeSeconds?: number;
  /** Seconds by which clocks may differ. Default 30. */
  readonly clockToleranceSeconds?: number;
  /** Messages that may be valid at once; beyond it requests are answered -32004 until some expire. Default 10 000. */
  readonly maxValid?: number;
  /** Wall clock in milliseconds. Default `Date.now`. */
  readonly now?: () => number;
}

type Kind = 'request' | 'reply';

const JOSE_COMPACT = 'application/jose';
const JOSE_JSON = 'application/jose+json';
const SIGNATURES = ['ES256', 'ES384', 'EdDSA', 'Ed25519', 'PS256', 'RS256'];
const KEY_AGREEMENTS = ['ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A256KW', 'RSA-OAEP-256'];
const CONTENT_ENCRYPTIONS = ['A256GCM', 'A128GCM'];
const MAX_LIFETIME_SECONDS = 600;

/**
 * The profile's `ubsp-v1`: payloads that the broker cannot read, forge or repeat. Each message is a JWT that its sender signs, bound to
 * both ends and to its Correlation Data, inside a JWE for its recipient. Give it to `createAgent` as `encryption`: then every request
 * and reply of that agent is protected, and nothing falls back to plain text in either direction.
 */
export function ubsp(options: UbspOptions): PayloadProtection {
  const { lifetimeSeconds = 60 } = options;
  if (!(lifetimeSeconds >= 1 && lifetimeSeconds <= MAX_LIFETIME_SECONDS))
    throw new TypeError(`lifetimeSeconds must be 1 to ${MAX_LIFETIME_SECONDS}, is ${lifetimeSeconds}`);
  return new Ubsp(options);
}

class Ubsp implements PayloadProtection {
  readonly #keys: AgentKeys;
  readonly #peers: PeerKeys;
  readonly #lifetimeSeconds: number;
  readonly #toleranceSeconds: number;
  readonly #requests: ReplayGuard;
  readonly #replies: ReplayGuard;
  readonly #now: () => number;

  constructor(options: UbspOptions) {
    this.#keys = options.keys;
    this.#peers = options.peers;
    this.#lifetimeSeconds = options.lifetimeSeconds ?? 60;
    this.#toleranceSeconds = options.clockToleranceSeconds ?? 30;
    this.#now = options.now ?? Date.now;
    const { maxValid = 10_000 } = options;
    this.#requests = new ReplayGuard(maxValid);
    this.#replies = new ReplayGuard(maxValid);
  }

  async sealRequest(
    payload: string,
    from: AgentAddress,
    to: AgentAddress,
    correlationData: Uint8Array,
  ): Promise<SealedPayload> {
    const recipient = await this.#recipientKey(to);
    if (recipient === undefined) {
      throw localError(
        'no-peer-key',
        `no trusted encryption key of ${nameOf(to)} was found, and nothing is sent in the clear: check its card's keys extension, its signature and your trust`,
      );
    }
    return {
      payload: await this.#seal('request', payload, from, to, correlationData, recipient),
      contentType: JOSE_COMPACT,
      userProperties: {
        [USER_PROPERTIES.securityProfile]: UBSP_V1,
        [USER_PROPERTIES.requesterAgentId]: from.agentId,
        [USER_PROPERTIES.recipientAgentId]: to.agentId,
        ...(recipient.kid === undefined ? {} : { [USER_PROPERTIES.recipientKid]: recipient.kid }),
      },
    };
  }

  async openRequest(message: InboundMessage, self: AgentAddress): Promise<OpenedRequest> {
    const { userProperties, responseTopic = '', correlationData } = message;
    const fault = this.#faultOf(message, self);
    if (fault !== undefined) return refused(fault);
    const reply = parseA2aTopic(responseTopic);
    if (reply?.kind !== 'reply' || correlationData === undefined)
      return refused('a protected request needs Correlation Data and a Response Topic $a2a/v1/reply/…');
    const from = reply.address;
    if (userProperty(userProperties, USER_PROPERTIES.requesterAgentId) !== from.agentId)
      return refused('a2a-requester-agent-id is not the agent of the Response Topic');
    const recipient = await this.#recipientKey(from);
    if (recipient === undefined) return refused(`no trusted key of the requester ${nameOf(from)} was found`);
    const opened = await this.#open('request', message.payload, from, self, correlationData);
    if ('fault' in opened) return refused(opened.fault);
    const taken = this.#requests.take(`${nameOf(from)} ${opened.id}`, opened.expiresAtMs, this.#now());
    if (taken === 'repeated') return { kind: 'dropped', reason: 'the protected request was seen before' };
    if (taken === 'full') {
      const error = bindingError('responder_unavailable', 'too many protected requests are valid at once');
      return { kind: 'refused', error };
    }
    return {
      kind: 'opened',
      message: withFields(message, {}, opened.text),
      agent: from,
      seal: new Seal((text) => this.#sealReply(text, self, from, correlationData, recipient)),
    };
  }

  async openReply(message: InboundMessage, self: AgentAddress, from: AgentAddress): Promise<InboundMessage> {
    const { userProperties, correlationData } = message;
    if (userProperty(userProperties, USER_PROPERTIES.securityProfile) !== UBSP_V1) {
      throw localError(
        'unprotected-reply',
        `${nameOf(from)} answered a protected request in the clear; that is not believed${claimOf(message)}`,
      );
    }
    const mismatch =
      userProperty(userProperties, USER_PROPERTIES.requesterAgentId) !== self.agentId ||
      userProperty(userProperties, USER_PROPERTIES.responderAgentId) !== from.agentId;
    if (mismatch || correlationData === undefined) throw rejected('its user properties name other agents');
    const opened = await this.#open('reply', message.payload, from, self, correlationData);
    if ('fault' in opened) throw rejected(opened.fault);
    const taken = this.#replies.take(`${nameOf(from)} ${opened.id}`, opened.expiresAtMs, this.#now());
    if (taken !== 'new')
      throw rejected(taken === 'repeated' ? 'it was seen before' : 'too many are valid at once');
    return withFields(message, {}, opened.text);
  }

  #faultOf({ contentType, userProperties }: InboundMessage, self: AgentAddress): string | undefined {
    const profile = userProperty(userProperties, USER_PROPERTIES.securityProfile);
    if (profile !== UBSP_V1)
      return `this agent takes protected requests only: a2a-security-profile must be ${UBSP_V1}`;
    if (contentType !== JOSE_COMPACT && contentType !== JOSE_JSON)
      return `the Content Type must be ${JOSE_COMPACT} or ${JOSE_JSON}`;
    if (userProperty(userProperties, USER_PROPERTIES.recipientAgentId) !== self.agentId)
      return 'a2a-recipient-agent-id does not name this agent';
    return undefined;
  }

  async #sealReply(
    text: string,
    self: AgentAddress,
    to: AgentAddress,
    correlationData: Uint8Array,
    recipient: JWK,
  ): Promise<SealedPayload> {
    return {
      payload: await this.#seal('reply', text, self, to, correlationData, recipient),
      contentType: JOSE_COMPACT,
      userProperties: {
        [USER_PROPERTIES.securityProfile]: UBSP_V1,
        [USER_PROPERTIES.requesterAgentId]: to.agentId,
        [USER_PROPERTIES.responderAgentId]: self.agentId,
      },
    };
  }

  async #seal(
    kind: Kind,
    text: string,
    from: AgentAddress,
    to: AgentAddress,
    correlationData: Uint8Array,
    recipient: JWK,
  ): Promise<string> {
    const { signing } = this.#keys;
    const signed = await new SignJWT({ corr: base64url.encode(correlationData), payload: text })
      .setProtectedHeader({ alg: signing.alg ?? 'ES256', typ: typeOf(kind), ...kidOf(signing) })
      .setIssuer(nameOf(from))
      .setAudience(nameOf(to))
      .setJti(base64url.encode(crypto.getRandomValues(new Uint8Array(16))))
      .setIssuedAt(new Date(this.#now()))
      .setExpirationTime(new Date(this.#now() + this.#lifetimeSeconds * 1000))
      .sign(await importJWK(signing));
    const alg = recipient.kty === 'RSA' ? 'RSA-OAEP-256' : 'ECDH-ES';
    return new CompactEncrypt(new TextEncoder().encode(signed))
      .setProtectedHeader({ alg, enc: 'A256GCM', cty: 'JWT', ...kidOf(recipient) })
      .encrypt(await importJWK(recipient, alg));
  }

  /** What was sealed, or why it is not believed. One text for all cryptographic faults: the sender of a forgery learns nothing. */
  async #open(
    kind: Kind,
    payload: Uint8Array,
    from: AgentAddress,
    self: AgentAddress,
    correlationData: Uint8Array,
  ): Promise<
    { readonly text: string; readonly id: string; readonly expiresAtMs: number } | { readonly fault: string }
  > {
    try {
      const peer = await this.#peers.keysOf(from);
      if (peer === undefined) return { fault: `no trusted key of ${nameOf(from)} was found` };
      const jwt = await this.#decrypt(payload);
      const { payload: claims } = await jwtVerify(jwt, createLocalJWKSet(signingKeys(peer)), {
        issuer: nameOf(from),
        audience: nameOf(self),
        typ: typeOf(kind),
        algorithms: SIGNATURES,
        currentDate: new Date(this.#now()),
        clockTolerance: this.#toleranceSeconds,
        requiredClaims: ['exp', 'iat', 'jti'],
        maxTokenAge: MAX_LIFETIME_SECONDS + this.#toleranceSeconds,
      });
      const { jti, exp = 0, corr, payload: text } = claims;
      if (corr !== base64url.encode(correlationData) || typeof text !== 'string' || jti === undefined)
        return { fault: 'the protected message belongs to another exchange' };
      return { text, id: jti, expiresAtMs: (exp + this.#toleranceSeconds) * 1000 };
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ERR_JWT_EXPIRED')
        return { fault: 'the protected message has expired: check the clocks of both agents' };
      return { fault: 'the protected message could not be opened' };
    }
  }

  async #decrypt(payload: Uint8Array): Promise<Uint8Array> {
    const key = await importJWK(this.#keys.encryption);
    const options = {
      keyManagementAlgorithms: KEY_AGREEMENTS,
      contentEncryptionAlgorithms: CONTENT_ENCRYPTIONS,
    };
    const text = new TextDecoder().decode(payload);
    if (!text.startsWith('{')) return (await compactDecrypt(text, key, options)).plaintext;
    const json = JSON.parse(text) as Record<string, unknown>;
    const { recipients, header, encrypted_key, ...shared } = json;
    const general = { ...shared, recipients: recipients ?? [{ header, encrypted_key }] };
    return (await generalDecrypt(general as never, key, options)).plaintext;
  }

  async #recipientKey(address: AgentAddress): Promise<JWK | undefined> {
    const set = await this.#peers.keysOf(address).catch(() => undefined);
    return set?.keys.find(
      ({ use, kty, crv }) =>
        use === 'enc' && (kty === 'RSA' || kty === 'EC' || (kty === 'OKP' && crv === 'X25519')),
    );
  }
}

/** Sealing takes turns of the event loop; replies leave in the order in which they were made all the same. */
class Seal implements ReplySeal {
  readonly #sealOne: (payload: string) => Promise<SealedPayload>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(sealOne: (payload: string) => Promise<SealedPayload>) {
    this.#sealOne = sealOne;
  }

  seal(payload: string): Promise<SealedPayload> {
    const sealed = this.#last.then(() => this.#sealOne(payload));
    this.#last = sealed.catch(() => undefined);
    return sealed;
  }
}

function signingKeys({ keys }: JSONWebKeySet): JSONWebKeySet {
  return { keys: keys.filter(({ use }) => use === undefined || use === 'sig') };
}

function typeOf(kind: Kind): string {
  return `a2a-${kind}+jwt`;
}

function kidOf({ kid }: JWK): { kid?: string } {
  return kid === undefined ? {} : { kid };
}

function refused(why: string): OpenedRequest {
  return { kind: 'refused', error: bindingError('transport_protocol_error', why) };
}

function rejected(why: string): Error {
  return localError('reply-rejected', `a protected reply was not believed: ${why}`);
}

/** An error in the clear proves nothing, but it tells an engineer where to look. */
function claimOf(message: InboundMessage): string {
  try {
    const { error } = JSON.parse(message.text()) as { readonly error?: { readonly message?: unknown } };
    return typeof error?.message === 'string' ? `. It says: ${error.message.slice(0, 300)}` : '';
  } catch {
    return '';
  }
}
