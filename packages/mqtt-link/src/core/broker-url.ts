import type { LinkTransport } from '../link.ts';
import { LinkError } from './link-error.ts';

/** Throws LinkError `invalid-options` unless `url` names a broker by one of the schemes. */
export function parseBrokerUrl(url: string, schemes: readonly string[]): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed !== undefined && schemes.includes(parsed.protocol) && parsed.hostname !== '') return parsed;
  const wanted = schemes.map((scheme) => `${scheme}//`).join(', ');
  throw new LinkError(
    'invalid-options',
    `url "${withoutCredentials(url)}" must read ${wanted}host[:port]${adviceFor(parsed, url, schemes)}`,
  );
}

/** An error is shown and logged: no password in it. */
export function withoutCredentials(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, '$1');
}

/** Who could read what travels to that URL. */
export function transportOf(url: URL, rejectUnauthorized: boolean | undefined): LinkTransport {
  if (url.protocol === 'mqtts:' || url.protocol === 'wss:')
    return rejectUnauthorized === false ? 'tls-unverified' : 'tls';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host) ? 'loopback' : 'plain';
}

function adviceFor(parsed: URL | undefined, url: string, schemes: readonly string[]): string {
  const known = schemes.includes('mqtt:');
  switch (parsed?.protocol) {
    case 'http:':
      return '; MQTT is not HTTP: use ws:// for MQTT over WebSocket';
    case 'https:':
      return '; MQTT is not HTTP: use wss:// for MQTT over WebSocket';
    case 'tcp:':
    case 'ssl:':
    case 'tls:':
      return known ? '; say mqtt:// for TCP and mqtts:// for TLS' : '; a browser speaks WebSocket only';
    case 'mqtt:':
    case 'mqtts:':
      return known ? '' : '; a browser speaks WebSocket only: use the WebSocket listener of the broker';
    default:
      return /^[\w.-]+(:\d+)?$/.test(url) && known ? `; did you mean mqtt://${url}?` : '';
  }
}
