/** JWS with the payload detached (RFC 7515 appendix F): the signature stands beside what it covers. */
import type { CryptoKey, FlattenedJWS, JWK, KeyObject } from 'jose';
import { FlattenedSign, base64url, decodeProtectedHeader, flattenedVerify, importJWK } from 'jose';

/** Asymmetric, and no older than what a reader can be asked to have. `none` and shared secrets are never accepted. */
export const SIGNATURE_ALGORITHMS: readonly string[] = [
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
];

/** One more signature is not looked at: each costs a public-key operation that a stranger can ask for. */
export const MAX_SIGNATURES = 8;

export type SigningKey = CryptoKey | KeyObject | JWK;

export interface DetachedSignature {
  readonly protected: string;
  readonly signature: string;
}

export interface SignOptions {
  /** Private; a JWK needs no extra `alg` when it names its own. */
  readonly key: SigningKey;
  /** Names the key to those who verify. */
  readonly kid: string;
  /** Default: the `alg` of the JWK. */
  readonly alg?: string;
  /** HTTPS URL of the JWK set that holds the public key. Verifiers follow it only when their policy trusts it. */
  readonly jku?: string;
}

/** What a signature says of itself; all of it is in the protected header. */
export interface SignatureHeader {
  readonly alg: string;
  readonly kid: string;
  readonly jku?: string;
}

/** The public key for a signature, or undefined when nobody trusted has such a key. May throw; that counts as not found. */
export type KeyResolver = (
  header: SignatureHeader,
) => SigningKey | undefined | Promise<SigningKey | undefined>;

/** `typ` keeps a signature of one kind of document from being shown as one of another. Throws TypeError for an unusable `alg`. */
export async function signDetached(
  input: string,
  typ: string,
  options: SignOptions,
): Promise<DetachedSignature> {
  const { key, kid, jku } = options;
  const alg = options.alg ?? (isJwk(key) ? key.alg : undefined);
  if (alg === undefined || !SIGNATURE_ALGORITHMS.includes(alg)) {
    throw new TypeError(`alg must be one of ${SIGNATURE_ALGORITHMS.join(', ')}, is ${alg ?? 'missing'}`);
  }
  const jws = await new FlattenedSign(new TextEncoder().encode(input))
    .setProtectedHeader({ alg, kid, typ, ...(jku === undefined ? {} : { jku }) })
    .sign(await keyFor(key, alg));
  return { protected: jws.protected ?? '', signature: jws.signature };
}

/** Never throws for what the signature holds. `header` must be its own, as `readHeader` gave it. */
export async function holds(
  input: string,
  { protected: header, signature }: DetachedSignature,
  key: SigningKey,
  { alg }: SignatureHeader,
): Promise<boolean> {
  try {
    const jws: FlattenedJWS = { protected: header, signature, payload: base64url.encode(input) };
    await flattenedVerify(jws, await keyFor(key, alg), { algorithms: [alg] });
    return true;
  } catch {
    return false;
  }
}

/** The header, or what is wrong with it. `typ`: what it must name; undefined asks for nothing. */
export function readHeader(
  signature: Pick<DetachedSignature, 'protected'>,
  algorithms: readonly string[],
  typ?: string,
): SignatureHeader | string {
  let header;
  try {
    header = decodeProtectedHeader({ protected: signature.protected });
  } catch {
    return 'the protected header cannot be read';
  }
  const { alg, kid, jku } = header;
  if (typeof alg !== 'string' || !algorithms.includes(alg))
    return `alg must be one of ${algorithms.join(', ')}`;
  if (typeof kid !== 'string' || kid === '') return 'the protected header names no kid';
  if (typ !== undefined && header.typ !== typ) return `typ must be ${typ}`;
  return { alg, kid, ...(typeof jku === 'string' ? { jku } : {}) };
}

export async function resolveKey(
  keyOf: KeyResolver,
  header: SignatureHeader,
): Promise<SigningKey | undefined> {
  try {
    return await keyOf(header);
  } catch {
    return undefined;
  }
}

async function keyFor(key: SigningKey, alg: string): Promise<CryptoKey | KeyObject> {
  if (!isJwk(key)) return key;
  const imported = await importJWK(key, alg);
  if (imported instanceof Uint8Array) throw new TypeError('nothing is signed with a shared secret');
  return imported;
}

function isJwk(key: SigningKey): key is JWK {
  return 'kty' in key;
}
