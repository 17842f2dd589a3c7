import { createHash, createPrivateKey, createPublicKey, sign, timingSafeEqual, verify } from 'node:crypto';
import type { JsonWebKey, KeyObject } from 'node:crypto';
import type { AgentCard, AgentExtension } from '@shoal/protocol';
import { httpbis } from 'http-message-signatures';

export interface PushSigning {
  /** Private: Ed25519, or EC on P-256 or P-384. */
  readonly key: JsonWebKey;
  /** By which receivers find the public key. */
  readonly keyId: string;
}

/** A notification as it arrived. */
export interface ReceivedPush {
  /** Default POST. */
  readonly method?: string;
  /** As the sender had it: scheme, host and path. */
  readonly url: string;
  /** Names in lower case, as Node has them. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** As it came: not parsed and written again. */
  readonly body: string | Uint8Array;
}

export interface VerifyPushOptions {
  /** Longest time since it was signed; every attempt is signed anew. Default 300. */
  readonly maxAgeSeconds?: number;
  /** How much the clocks may differ. Default 30. */
  readonly toleranceSeconds?: number;
}

export type VerifiedPush =
  | { readonly ok: true; readonly keyId: string }
  | { readonly ok: false; readonly why: string };

/** How an Agent Card says with which keys the agent signs its notifications: `params.keys`, public JWKs with `kid`. */
export const PUSH_SIGNATURES_EXTENSION = 'urn:shoal:push-signatures:v1';

const COVERED = ['@method', '@target-uri', 'content-type', 'content-digest'];
const LABEL = 'a2a-push';

/** For `capabilities.extensions` of the card. Takes the private keys and gives away the public ones alone. */
export function pushSignaturesExtension(...keys: readonly PushSigning[]): AgentExtension {
  const published = keys.map(({ key, keyId }) => ({
    ...createPublicKey(privateKey(key)).export({ format: 'jwk' }),
    kid: keyId,
  }));
  return {
    uri: PUSH_SIGNATURES_EXTENSION,
    description: 'Push notifications carry an HTTP message signature (RFC 9421) by one of these keys.',
    params: { keys: published },
  };
}

/** The keys of a card, for `verifyPush`. Whether to trust the card is another question: see its own signatures. */
export function pushKeysOf(card: AgentCard): (keyId: string) => JsonWebKey | undefined {
  const extension = card.capabilities.extensions?.find(({ uri }) => uri === PUSH_SIGNATURES_EXTENSION);
  const keys = extension?.params?.['keys'];
  const known = (Array.isArray(keys) ? keys : []) as readonly (JsonWebKey & { readonly kid?: string })[];
  return (keyId) => known.find(({ kid }) => kid === keyId);
}

/** Adds `Content-Digest` (RFC 9530), `Signature-Input` and `Signature` (RFC 9421) over method, URL, content type and body. */
export function pushSigner({ key, keyId }: PushSigning) {
  const secret = privateKey(key);
  const { alg, digest } = algorithmOf(secret);
  const signing = {
    id: keyId,
    alg,
    sign: (data: Buffer) =>
      Promise.resolve(sign(digest, data, { key: secret, dsaEncoding: 'ieee-p1363' as const })),
  };
  return async (
    url: string,
    headers: Readonly<Record<string, string>>,
    body: string,
  ): Promise<Record<string, string>> => {
    const message = { method: 'POST', url, headers: { ...headers, 'content-digest': digestOf(body) } };
    const settings = { key: signing, name: LABEL, fields: COVERED, params: ['created', 'keyid', 'alg'] };
    const signed = await httpbis.signMessage(settings, message);
    return signed.headers;
  };
}

/**
 * For receivers: whether this notification was signed by a key that `keyOf` knows, not long ago, for this URL, and has arrived whole.
 * The same notification may come twice, as deliveries are repeated. Never throws.
 */
export async function verifyPush(
  { method = 'POST', url, headers, body }: ReceivedPush,
  keyOf: (keyId: string) => JsonWebKey | undefined,
  { maxAgeSeconds = 300, toleranceSeconds = 30 }: VerifyPushOptions = {},
): Promise<VerifiedPush> {
  const given = headers['content-digest'];
  if (given === undefined || headers['signature'] === undefined)
    return { ok: false, why: 'it is not signed' };
  if (typeof given !== 'string' || !sameText(given, digestOf(body)))
    return { ok: false, why: 'its body is not the one that was signed' };
  let used = '';
  const message = { method, url, headers: onlyPresent(headers) };
  const settings = {
    keyLookup: ({ keyid }: { keyid?: string }) => Promise.resolve(verifier(keyid)),
    requiredFields: COVERED,
    requiredParams: ['created', 'keyid'],
    maxAge: maxAgeSeconds,
    tolerance: toleranceSeconds,
  };
  try {
    const valid = await httpbis.verifyMessage(settings, message);
    return valid === true ? { ok: true, keyId: used } : { ok: false, why: 'its signature is not valid' };
  } catch (error) {
    return { ok: false, why: error instanceof Error ? error.message : String(error) };
  }

  function verifier(keyId: string | undefined) {
    const jwk = keyId === undefined ? undefined : keyOf(keyId);
    if (keyId === undefined || jwk === undefined)
      throw new Error(`the key ${keyId ?? 'without id'} is not known`);
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const { alg, digest } = algorithmOf(key);
    used = keyId;
    return {
      id: keyId,
      algs: [alg],
      verify: (data: Buffer, signature: Buffer) =>
        Promise.resolve(verify(digest, data, { key, dsaEncoding: 'ieee-p1363' }, signature)),
    };
  }
}

function privateKey(key: JsonWebKey): KeyObject {
  if (key.d === undefined) throw new TypeError('sign.key must be a private JWK: it has no member d');
  return createPrivateKey({ key, format: 'jwk' });
}

function algorithmOf(key: KeyObject): { readonly alg: string; readonly digest: string | null } {
  if (key.asymmetricKeyType === 'ed25519') return { alg: 'ed25519', digest: null };
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve === 'prime256v1') return { alg: 'ecdsa-p256-sha256', digest: 'sha256' };
  if (curve === 'secp384r1') return { alg: 'ecdsa-p384-sha384', digest: 'sha384' };
  throw new TypeError('the key for push notifications must be Ed25519, or EC on P-256 or P-384');
}

function digestOf(body: string | Uint8Array): string {
  return `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
}

function sameText(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}

function onlyPresent(headers: ReceivedPush['headers']): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string | string[]] => entry[1] !== undefined),
  );
}
