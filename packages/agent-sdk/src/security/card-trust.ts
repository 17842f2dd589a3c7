import type { AgentCard } from '@shoal/protocol';
import type { CardKeyResolver, CardVerification } from '@shoal/protocol/signing';
import { verifyCard } from '@shoal/protocol/signing';
import type { JSONWebKeySet, JWK } from 'jose';
import { checkedUrl, fetchJwks } from './jwks.ts';
import { RecentMap } from './recent-map.ts';

export interface CardTrustOptions {
  /** Keys that may sign cards, for example those of the plant. Each needs a `kid`. */
  readonly keys?: JSONWebKeySet;
  /**
   * URLs whose JWK sets may sign cards: a signature's `jku` is followed when it is one of these, or lies below one that ends with
   * `/`. Default: none is followed, as a card would vouch for itself.
   */
  readonly jku?: readonly string[];
  /** Milliseconds for which a fetched JWK set is used. Default 600 000. */
  readonly cacheMs?: number;
  /** JWK sets that are kept; one more drops the oldest. Default 100. */
  readonly maxJwkSets?: number;
}

/** Decides which Agent Cards to believe. */
export interface CardTrust {
  readonly keyOf: CardKeyResolver;
  /** Tells in which form the signature holds, and what was signed. Never throws for what the card holds. */
  verify(card: AgentCard): Promise<CardVerification>;
  /** Whether a JWK set may be fetched from there though no signature vouches for it. */
  trustsUrl(url: string): boolean;
  /** The set at a URL, from the cache or fetched. */
  jwksAt(url: string): Promise<JSONWebKeySet>;
}

/** Throws TypeError when nothing would ever be trusted, or an entry of `jku` is not an HTTPS URL (loopback excepted). */
export function cardTrust(options: CardTrustOptions): CardTrust {
  const { keys, jku = [], cacheMs = 600_000, maxJwkSets = 100 } = options;
  if ((keys?.keys.length ?? 0) === 0 && jku.length === 0)
    throw new TypeError('cardTrust needs keys or jku, or no card could ever be trusted');
  const bases = jku.map((url) => checkedUrl(url).href);
  const sets = new RecentMap<Promise<JSONWebKeySet>>(maxJwkSets, cacheMs);
  const jwksAt = (url: string): Promise<JSONWebKeySet> => {
    const known = sets.get(url, performance.now());
    if (known !== undefined) return known;
    const fetched = fetchJwks(url);
    sets.set(url, fetched, performance.now());
    // A failure is not remembered: the next one asks again.
    fetched.catch(() => sets.delete(url));
    return fetched;
  };
  const trustsUrl = (url: string): boolean => bases.some((base) => isBelow(url, base));
  const keyOf: CardKeyResolver = async (header) => {
    const pinned = find(keys, header.kid);
    if (pinned !== undefined) return pinned;
    if (header.jku === undefined || !trustsUrl(header.jku)) return undefined;
    return find(await jwksAt(header.jku), header.kid);
  };
  return { keyOf, jwksAt, trustsUrl, verify: (card) => verifyCard(card, keyOf) };
}

/** Compared as URLs, so that `https://good.example@evil.example/` and `/keys/../` do not pass for what they are not. */
function isBelow(url: string, base: string): boolean {
  if (!URL.canParse(url)) return false;
  const { href, username, password } = new URL(url);
  if (username !== '' || password !== '') return false;
  return base.endsWith('/') ? href.startsWith(base) : href === base;
}

function find(set: JSONWebKeySet | undefined, kid: string): JWK | undefined {
  return set?.keys.find((key) => key.kid === kid);
}
