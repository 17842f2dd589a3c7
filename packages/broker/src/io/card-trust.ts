import { createHash } from 'node:crypto';

import { validateAgentCard, type AgentCard } from '@shoal/protocol';
import { verifyCard, type SignatureHeader } from '@shoal/protocol/signing';
import type { CryptoKey } from 'jose';

import type { CardViolation } from '../core/registry/card-validators.ts';
import { openKeySet, remoteKeySet, tryParseKeyUrl, type KeySet, type KeySource } from './auth/key-sets.ts';
import { BrokerError } from './broker-error.ts';

export interface TrustOptions {
  /**
   * URLs from which keys may come: what an agent names as `jwksUri` in its card or as `jku` in a signature must be one of these, or lie below
   * one that ends in `/`. With at least one here, a card must name a `jwksUri`.
   */
  readonly trustedJkus?: readonly string[];
  /** Keys that may sign cards, whatever they say of themselves. */
  readonly keys?: KeySource;
  /** A card must carry a signature that holds (A2A §8.4). Default false. */
  readonly requireSignature?: boolean;
}

const MAX_VERDICTS = 1_024;
const MAX_KEY_SETS = 100;

const decoder = new TextDecoder();

function tryParse(payload: Buffer): AgentCard | undefined {
  try {
    const result = validateAgentCard(JSON.parse(decoder.decode(payload)));
    return result.ok ? result.value : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** `securityMetadata.jwksUri` in the parameters of an extension (profile: Security Metadata). */
function jwksUrisOf(card: AgentCard): readonly unknown[] {
  return (card.capabilities.extensions ?? []).flatMap(({ params }) => {
    const metadata = isObject(params) ? params['securityMetadata'] : undefined;
    return isObject(metadata) && 'jwksUri' in metadata ? [metadata['jwksUri']] : [];
  });
}

/** Which keys are trusted, and which cards are signed with one. Cards are vetted first, since keys are fetched, and judged then. */
export class CardTrust {
  private readonly trusted: readonly URL[];
  private readonly own: KeySet | undefined;
  private readonly requireSignature: boolean;
  private readonly remote = new Map<string, KeySet>();
  private readonly verdicts = new Map<string, CardViolation | undefined>();

  /** Throws BrokerError `invalid-options`. */
  constructor({ trustedJkus = [], keys, requireSignature = false }: TrustOptions) {
    this.trusted = trustedJkus.map((text) => {
      const url = tryParseKeyUrl(text);
      if (url !== undefined) return url;
      throw new BrokerError('invalid-options', `registry.trust.trustedJkus: ${text} must be an https URL`);
    });
    this.own = keys === undefined ? undefined : openKeySet('registry.trust.keys', keys);
    this.requireSignature = requireSignature;
    if (requireSignature && this.own === undefined && this.trusted.length === 0) {
      throw new BrokerError(
        'invalid-options',
        'registry.trust: requireSignature needs keys or trustedJkus, else no card would do',
      );
    }
  }

  private isTrusted(text: unknown): text is string {
    const url = typeof text === 'string' ? tryParseKeyUrl(text) : undefined;
    if (url === undefined) return false;
    return this.trusted.some(
      ({ href }) => url.href === href || (href.endsWith('/') && url.href.startsWith(href)),
    );
  }

  private remoteSet(url: string): KeySet {
    let set = this.remote.get(url);
    if (set === undefined) {
      const oldest = this.remote.keys().next();
      if (this.remote.size >= MAX_KEY_SETS && oldest.done !== true) this.remote.delete(oldest.value);
      this.remote.set(url, (set = remoteKeySet(new URL(url))));
    }
    return set;
  }

  /** A key from this broker's own set, else from where the signature or the card says, if that is trusted. */
  private async keyFor(
    { alg, kid, jku }: SignatureHeader,
    uris: readonly unknown[],
  ): Promise<CryptoKey | undefined> {
    const places = [jku, ...uris].filter((place) => this.isTrusted(place));
    const sets = [...(this.own === undefined ? [] : [this.own]), ...places.map((url) => this.remoteSet(url))];
    for (const set of sets) {
      try {
        return await set({ alg, kid });
      } catch {
        // The next set may have it.
      }
    }
    return undefined;
  }

  private async judge(payload: Buffer): Promise<CardViolation | undefined> {
    const card = tryParse(payload);
    if (card === undefined) return undefined;
    const uris = jwksUrisOf(card);
    if (this.trusted.length > 0) {
      const field = 'capabilities.extensions';
      if (uris.length === 0) return { field, message: 'must name securityMetadata.jwksUri' };
      const stranger = uris.find((uri) => !this.isTrusted(uri));
      if (stranger !== undefined)
        return { field, message: `jwksUri ${JSON.stringify(stranger)?.slice(0, 200)} is not trusted here` };
    }
    if (!this.requireSignature) return undefined;
    const result = await verifyCard(card, (header) => this.keyFor(header, uris));
    return result.ok ? undefined : { field: 'signatures', message: result.problems[0] ?? result.reason };
  }

  /** Comes to a verdict about the payload; what is no card is left to the schema. Never rejects. */
  async vet(payload: Buffer): Promise<void> {
    let verdict: CardViolation | undefined;
    try {
      verdict = await this.judge(payload);
    } catch (error) {
      verdict = { field: 'signatures', message: `could not be checked: ${String(error)}` };
    }
    const id = digest(payload);
    this.verdicts.delete(id);
    const oldest = this.verdicts.keys().next();
    if (this.verdicts.size >= MAX_VERDICTS && oldest.done !== true) this.verdicts.delete(oldest.value);
    this.verdicts.set(id, verdict);
  }

  /** The verdict about a payload that was vetted a moment ago. */
  distrust(payload: Buffer): CardViolation | undefined {
    const id = digest(payload);
    if (this.verdicts.has(id)) return this.verdicts.get(id);
    return { field: 'signatures', message: 'were not checked: publish the card again' };
  }
}

const digest = (payload: Buffer): string => createHash('sha256').update(payload).digest('base64');
