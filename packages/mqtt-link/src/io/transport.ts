import { connect as connectTcp, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { createWebSocketStream, WebSocket } from 'ws';
import { LinkError } from '../core/link-error.ts';
import type { LinkTlsOptions } from '../link.ts';

const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  'mqtt:': 1883,
  'mqtts:': 8883,
  'ws:': 80,
  'wss:': 443,
};

/** Throws LinkError `invalid-options` unless `url` names a broker. */
export function parseBrokerUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !(parsed.protocol in DEFAULT_PORTS) || parsed.hostname === '') {
    throw new LinkError(
      'invalid-options',
      `url "${url}" must read mqtt://, mqtts://, ws:// or wss://host[:port]`,
    );
  }
  return parsed;
}

/**
 * Opens the byte stream to the broker. TCP_NODELAY always: with Nagle's algorithm a QoS 1 reply that follows a timer or an
 * `await` waits 40 ms for a delayed acknowledgement, and MQTT.js's own stream builder does not set it.
 */
export function openTransport(url: URL, tls: LinkTlsOptions = {}): Duplex {
  if (url.protocol === 'ws:' || url.protocol === 'wss:') return openWebSocket(url, tls);
  // The brackets of an IPv6 address belong to the URL, not to the address.
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? DEFAULT_PORTS[url.protocol]! : Number(url.port);
  if (url.protocol === 'mqtt:') return connectTcp({ host, port, noDelay: true });
  // Server Name Indication takes names only (RFC 6066 §3).
  const servername = isIP(host) === 0 ? { servername: host } : {};
  const socket = connectTls({ host, port, ...servername, ...tlsSettings(tls) });
  socket.setNoDelay(true);
  return socket;
}

function openWebSocket(url: URL, tls: LinkTlsOptions): Duplex {
  // ws sets TCP_NODELAY on its sockets.
  const socket = new WebSocket(url, ['mqtt'], { perMessageDeflate: false, ...tlsSettings(tls) });
  const stream = createWebSocketStream(socket);
  socket.on('close', () => stream.destroy());
  return stream;
}

function tlsSettings(tls: LinkTlsOptions): {
  ca?: (string | Buffer)[];
  cert?: string | Buffer;
  key?: string | Buffer;
  servername?: string;
  rejectUnauthorized: boolean;
} {
  const { ca, cert, key, servername } = tls;
  return {
    ...(ca === undefined ? {} : { ca: typeof ca === 'string' || Buffer.isBuffer(ca) ? [ca] : [...ca] }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
    rejectUnauthorized: tls.rejectUnauthorized ?? true,
  };
}
