import type { AgentCard, AgentCardSignature } from '../schemas/agent-card.ts';
import type { CardForm } from './card-form.ts';
import { CARD_FORMS, cardSigningInput } from './card-form.ts';
import {
  holds,
  MAX_SIGNATURES,
  readHeader,
  resolveKey,
  SIGNATURE_ALGORITHMS,
  signDetached,
  type KeyResolver,
  type SignatureHeader,
  type SigningKey,
  type SignOptions,
} from './detached-jws.ts';

/** Those that a signature of a card may use. */
export const CARD_ALGORITHMS: readonly string[] = SIGNATURE_ALGORITHMS;

export type SignCardOptions = SignOptions;

/** The public key for a signature of a card, or undefined when nobody trusted has such a key. May throw; that counts as not found. */
export type CardKeyResolver = KeyResolver;

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
  const signature: AgentCardSignature = await signDetached(cardSigningInput(card, 'spec'), 'JOSE', options);
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
    const key = await resolveKey(keyOf, header);
    if (key === undefined) {
      problems.push(`signatures[${index}]: no trusted key ${JSON.stringify(header.kid)}`);
      continue;
    }
    for (const form of options.forms ?? CARD_FORMS) {
      const input = await verified(card, signature, form, key, header);
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

/** The signed text when the signature holds in that form. */
async function verified(
  card: AgentCard,
  signature: AgentCardSignature,
  form: CardForm,
  key: SigningKey,
  header: SignatureHeader,
): Promise<string | undefined> {
  try {
    const input = cardSigningInput(card, form);
    return (await holds(input, signature, key, header)) ? input : undefined;
  } catch {
    // What JSON cannot hold is signed by nobody.
    return undefined;
  }
}
