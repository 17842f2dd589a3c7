import type { Link } from '@shoal/mqtt-link';
import { readRetained } from '@shoal/mqtt-link';
import type { AgentAddress, AgentCard } from '@shoal/protocol';
import { decodeDocument, discoveryTopic } from '@shoal/protocol';
import type { JSONWebKeySet } from 'jose';
import { keySourceOf, nameOf } from './agent-keys.ts';
import type { CardTrust } from './card-trust.ts';
import { RecentMap } from './recent-map.ts';

/** The public keys of other agents. Undefined: there are none that can be trusted; then nothing is sent to it, nor believed of it. */
export interface PeerKeys {
  keysOf(address: AgentAddress): Promise<JSONWebKeySet | undefined>;
}

/** Keys that were handed over by other means, by `org/unit/agentId`. */
export function pinnedPeers(peers: Readonly<Record<string, JSONWebKeySet>>): PeerKeys {
  return {
    keysOf: (address) => {
      const name = nameOf(address);
      return Promise.resolve(Object.hasOwn(peers, name) ? peers[name] : undefined);
    },
  };
}

export interface CardPeersOptions {
  /** Reads the retained cards. A function when the link is not there yet: `() => agent.link`. */
  readonly link: Link | (() => Link);
  readonly trust: CardTrust;
  /** Milliseconds for which the keys of an agent are used before its card is read again. Default 300 000. */
  readonly cacheMs?: number;
  /** Agents whose keys are kept; one more drops the oldest. Default 1 000. */
  readonly maxPeers?: number;
}

/**
 * Keys from the retained Agent Cards. The broker is not trusted with them: keys inside a card count when its signature holds, and
 * `jwksUri` is fetched when the signature holds or the URL itself is trusted.
 */
export function peersFromCards(options: CardPeersOptions): PeerKeys {
  const { trust, cacheMs = 300_000, maxPeers = 1_000 } = options;
  const known = new RecentMap<Promise<JSONWebKeySet | undefined>>(maxPeers, cacheMs);
  return {
    keysOf(address) {
      const name = nameOf(address);
      const cached = known.get(name, performance.now());
      if (cached !== undefined) return cached;
      const link = typeof options.link === 'function' ? options.link() : options.link;
      const found = readKeys(link, trust, address);
      known.set(name, found, performance.now());
      // What is missing now may be there a moment later.
      found.then(
        (keys) => keys === undefined && known.delete(name),
        () => known.delete(name),
      );
      return found;
    },
  };
}

async function readKeys(
  link: Link,
  trust: CardTrust,
  address: AgentAddress,
): Promise<JSONWebKeySet | undefined> {
  const topic = discoveryTopic(address);
  const message = (await readRetained(link, topic)).get(topic);
  const card = message === undefined ? undefined : decodeDocument('AgentCard', message.payload);
  if (card?.ok !== true) return undefined;
  const verified = await trust.verify(card.value);
  // A card of another agent, signed and all, must not be shown in this one's place.
  if (verified.ok && namesAgent(verified.signed as unknown as AgentCard, address)) {
    const { jwks, jwksUri } = keySourceOf(verified.signed as unknown as AgentCard);
    return jwks ?? (jwksUri === undefined ? undefined : trust.jwksAt(jwksUri));
  }
  const { jwksUri } = keySourceOf(card.value);
  return jwksUri !== undefined && trust.trustsUrl(jwksUri) ? trust.jwksAt(jwksUri) : undefined;
}

/** The address extension that `buildCard` adds. */
function namesAgent(card: AgentCard, { org, unit, agentId }: AgentAddress): boolean {
  const extensions = card.capabilities?.extensions ?? [];
  return extensions.some(
    ({ params }) => params?.['org'] === org && params['unit'] === unit && params['agentId'] === agentId,
  );
}
