import { randomUUID } from 'node:crypto';
import { openLink, readRetained, type Link, type LinkOptions } from '@shoal/mqtt-link';
import { sessionTopics, type SessionAddress } from '@shoal/protocol';
import { foldSession, type SessionView } from '../core/view.ts';

export type ConnectOptions = Pick<
  LinkOptions,
  'url' | 'username' | 'password' | 'logger' | 'openStream' | 'tls'
>;

/** Reads the records of a session on an unfenced connection (DESIGN rule 5). */
export async function look(link: Link, address: SessionAddress): Promise<SessionView> {
  const found = await readRetained(link, sessionTopics(address).all);
  return foldSession(
    address,
    [...found].map(([topic, message]) => [topic, message.payload] as const),
  ).view;
}

/** An unfenced connection for looking, with an identity that nobody else has. */
export function openLookLink(
  address: Pick<SessionAddress, 'org' | 'unit'>,
  options: ConnectOptions,
): Promise<Link> {
  return openLink({
    ...connectOptions(options),
    clientId: `${address.org}/${address.unit}/look-${randomUUID()}`,
  });
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
