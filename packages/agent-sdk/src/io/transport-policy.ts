import type { LinkTransport } from '@shoal/mqtt-link';

/** Access tokens travel over verified TLS only (profile: OAuth 5); this machine, or a stream of one's own, when that is allowed. */
export function tokenAllowed(transport: LinkTransport, allowLoopback: boolean): boolean {
  return transport === 'tls' || (allowLoopback && (transport === 'loopback' || transport === 'custom'));
}
