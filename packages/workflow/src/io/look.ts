import { openLink, readRetained, type Link, type LinkOptions } from '@shoal/mqtt-link';
import { sessionTopics, type SessionAddress } from '@shoal/protocol';
import { foldSession, type SessionView } from '../core/view.ts';

export type ConnectOptions = Pick<
  LinkOptions,
  'url' | 'username' | 'password' | 'logger' | 'openStream' | 'tls'
>;

/**
 * How long an instance waits for the plan of its session, which must be there, before it takes it for gone: an EMQX that paces what it
 * keeps (`retainer.delivery_rate`) lets a reader that came at a bad moment wait for 0.3 to 0.8 s, and nothing tells.
 */
const PLAN_PATIENCE_MS = [400, 900] as const;

/** Reads the records of a session on an unfenced connection (DESIGN rule 5). */
export function look(link: Link, address: SessionAddress): Promise<SessionView> {
  return untilPlanned(() => lookOnce(link, address));
}

/** Reads again while there is no plan, for as long as patience lasts. */
export async function untilPlanned(read: () => Promise<SessionView>): Promise<SessionView> {
  let view = await read();
  for (const waitMs of PLAN_PATIENCE_MS) {
    if (view.session !== undefined) break;
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    view = await read();
  }
  return view;
}

async function lookOnce(link: Link, address: SessionAddress): Promise<SessionView> {
  const found = await readRetained(link, sessionTopics(address).all);
  return foldSession(
    address,
    [...found].map(([topic, message]) => [topic, message.payload] as const),
  ).view;
}

/** How long an instance tries to reach a broker that is away, before it gives up and leaves the step to another attempt. */
const OPEN_PATIENCE_MS = 20_000;

/** Waits for a broker that is away, within a bound: an instance that is spawned while the broker restarts is none to respawn. */
export async function openPatiently(options: LinkOptions, signal?: AbortSignal): Promise<Link> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), OPEN_PATIENCE_MS);
  try {
    return await openLink({
      ...options,
      retryInitial: true,
      reconnect: { minDelayMs: 50, maxDelayMs: 2_000 },
      signal: signal === undefined ? patience.signal : AbortSignal.any([signal, patience.signal]),
    });
  } finally {
    clearTimeout(timer);
  }
}

/** An unfenced connection for looking, with an identity that nobody else has. `agentId`: on whose behalf; a credential may ask for it. */
export function openLookLink(
  address: Pick<SessionAddress, 'org' | 'unit'> & { readonly agentId?: string },
  options: ConnectOptions,
  signal?: AbortSignal,
): Promise<Link> {
  const { org, unit, agentId } = address;
  const clientId = `${org}/${unit}/look-${agentId === undefined ? '' : `${agentId}-`}${crypto.randomUUID()}`;
  return openPatiently({ ...connectOptions(options), clientId }, signal);
}

/** What of wider options concerns the connection. */
export function connectOptions(options: ConnectOptions): ConnectOptions {
  const { url, username, password, openStream, tls, logger } = options;
  return {
    url,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(openStream === undefined ? {} : { openStream }),
    ...(tls === undefined ? {} : { tls }),
    ...(logger === undefined ? {} : { logger }),
  };
}
