import type { CryptoKey, FlattenedJWS, JWK, KeyObject } from 'jose';
import { FlattenedSign, base64url, decodeProtectedHeader, flattenedVerify, importJWK } from 'jose';
import type { AgentCard, AgentCardSignature } from '../schemas/agent-card.ts';
import type { CardForm } from './card-form.ts';
import { CARD_FORMS, cardSigningInput } from './card-form.ts';

/** Asymmetric, and no older than what a reader can be asked to have. `none` and shared secrets are never accepted. */
export const CARD_ALGORITHMS: readonly string[] = [
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
const MAX_SIGNATURES = 8;

export type SigningKey = CryptoKey | KeyObject | JWK;

export interface SignCardOptions {
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
export type CardKeyResolver = (
  header: SignatureHeader,
) => SigningKey | undefined | Promise<SigningKey | undefined>;

export interface VerifyCardOptions {
  /** Default `CARD_ALGORITHMS`. */
  readonly algorithms?: readonly string[];
  /** In the order in which they are tried. Default: `spec`, then `stripped`. */
  readonly forms?: readonly CardForm[];
}

export type CardVerification =
  | {
      readonly ok: true;
      readonly header: SignatureHeader;
      /** Index in `card.signatures` of the signature that holds. */
      readonly index: number;
      /** The form whose bytes were signed. */
      readonly form: CardForm;
      /**
       * The card as it was signed. Prefer it to the card that was received: in the `stripped` form anybody can add fields that are
       * empty, an empty security requirement among them, and the signature still holds.
       */
      readonly signed: Readonly<Record<string, unknown>>;
    }
  | {
      readonly ok: false;
      readonly reason: 'unsigned' | 'untrusted-key' | 'bad-signature';
      /** One line for each signature, for people. */
      readonly problems: readonly string[];
    };

/**
 * The card with one signature more (RFC 7515 flattened, the payload detached). A signature covers the spec form, which is the
 * stripped form too unless a REQUIRED field is empty. Throws TypeError when `alg` is missing or not one of `CARD_ALGORITHMS`.
 */
export async function signCard<C extends AgentCard>(card: C, options: SignCardOptions): Promise<C> {
  const { key, kid, jku } = options;
  const alg = options.alg ?? (isJwk(key) ? key.alg : undefined);
  if (alg === undefined || !CARD_ALGORITHMS.includes(alg)) {
    throw new TypeError(`alg must be one of ${CARD_ALGORITHMS.join(', ')}, is ${alg ?? 'missing'}`);
  }
  const payload = new TextEncoder().encode(cardSigningInput(card, 'spec'));
  const jws = await new FlattenedSign(payload)
    .setProtectedHeader({ alg, kid, typ: 'JOSE', ...(jku === undefined ? {} : { jku }) })
    .sign(await keyFor(key, alg));
  const signature: AgentCardSignature = { protected: jws.protected ?? '', signature: jws.signature };
  return { ...card, signatures: [...(card.signatures ?? []), signature] };
}

/** Holds when one signature holds under a key that `keyOf` trusts. Never throws for what the card holds. */
export async function verifyCard(
  card: AgentCard,
  keyOf: CardKeyResolver,
  options: VerifyCardOptions = {},
): Promise<CardVerification> {
  const signatures = card.signatures ?? [];
  if (signatures.length === 0)
    return { ok: false, reason: 'unsigned', problems: ['the card has no signature'] };
  const problems: string[] = [];
  let reason: 'untrusted-key' | 'bad-signature' = 'untrusted-key';
  for (const [index, signature] of signatures.slice(0, MAX_SIGNATURES).entries()) {
    const header = readHeader(signature, options.algorithms ?? CARD_ALGORITHMS);
    if (typeof header === 'string') {
      problems.push(`signatures[${index}]: ${header}`);
      continue;
    }
    const key = await resolve(keyOf, header);
    if (key === undefined) {
      problems.push(`signatures[${index}]: no trusted key ${JSON.stringify(header.kid)}`);
      continue;
    }
    for (const form of options.forms ?? CARD_FORMS) {
      const input = await verified(card, signature, form, key, header.alg);
      if (input !== undefined) {
        return {
          ok: true,
          header,
          index,
          form,
          signed: JSON.parse(input) as Readonly<Record<string, unknown>>,
        };
      }
    }
    reason = 'bad-signature';
    problems.push(
      `signatures[${index}]: the card was changed after key ${JSON.stringify(header.kid)} signed it`,
    );
  }
  return { ok: false, reason, problems };
}

function readHeader(signature: AgentCardSignature, algorithms: readonly string[]): SignatureHeader | string {
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
  return { alg, kid, ...(typeof jku === 'string' ? { jku } : {}) };
}

async function resolve(keyOf: CardKeyResolver, header: SignatureHeader): Promise<SigningKey | undefined> {
  try {
    return await keyOf(header);
  } catch {
    return undefined;
  }
}

/** The signed text when the signature holds in that form. */
async function verified(
  card: AgentCard,
  { protected: header, signature }: AgentCardSignature,
  form: CardForm,
  key: SigningKey,
  alg: string,
): Promise<string | undefined> {
  try {
    const input = cardSigningInput(card, form);
    const jws: FlattenedJWS = { protected: header, signature, payload: base64url.encode(input) };
    await flattenedVerify(jws, await keyFor(key, alg), { algorithms: [alg] });
    return input;
  } catch {
    return undefined;
  }
}

async function keyFor(key: SigningKey, alg: string): Promise<CryptoKey | KeyObject> {
  if (!isJwk(key)) return key;
  const imported = await importJWK(key, alg);
  if (imported instanceof Uint8Array) throw new TypeError('a card is not signed with a shared secret');
  return imported;
}

function isJwk(key: SigningKey): key is JWK {
  return 'kty' in key;
}
