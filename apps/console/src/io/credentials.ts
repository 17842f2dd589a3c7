import { openLink, scanRetained, type Link } from '@shoal/mqtt-link';
import { discoveryFilter, treeFilter } from '@shoal/protocol';
import { scopesOf, type Scope, type SeenScope } from '../core/scope.ts';

/** In memory only: closing the page or signing out forgets them. */
export interface Credentials {
  /** `ws:` or `wss:`. */
  readonly url: string;
  readonly username: string;
  /** Password, or a token (JWT), which travels as the password. */
  readonly secret: string;
  /** Who acts, as records and reply topics name it. An identifier. */
  readonly actAs: string;
}

export function openAs(credentials: Credentials, clientId: string): Promise<Link> {
  const { url, username, secret } = credentials;
  return openLink({
    url,
    clientId,
    connectTimeoutMs: 10_000,
    keepAliveSeconds: 20,
    ...(username === '' ? {} : { username }),
    ...(secret === '' ? {} : { password: secret }),
  });
}

export interface SeenScopes {
  readonly scopes: readonly SeenScope[];
  /** The broker does not let this credential look at all units: org and unit have to be typed. */
  readonly refused: boolean;
}

/** For an EMQX that paces what it keeps: see `readRetained`. */
const SETTLE_MS = 250;

/** The orgs and units whose cards or sessions this credential may see. Rejects when there is no connection. */
export async function seenScopes(credentials: Credentials): Promise<SeenScopes> {
  const link = await openAs(credentials, `${credentials.actAs}-looking-${crypto.randomUUID().slice(0, 8)}`);
  const topics: string[] = [];
  const scan = { onMessage: ({ topic }: { topic: string }) => void topics.push(topic) };
  const plans = treeFilter('session').replace(/#$/, '+');
  let refused = 0;
  try {
    for (const filter of [discoveryFilter({}), plans])
      await scanRetained(link, filter, scan, { settleMs: SETTLE_MS, timeoutMs: 15_000 }).catch(
        () => (refused += 1),
      );
  } finally {
    await link.close();
  }
  return { scopes: scopesOf(topics), refused: refused === 2 };
}

export function clientIdFor({ org, unit }: Scope, actAs: string): string {
  return `${org}/${unit}/${actAs}`;
}
