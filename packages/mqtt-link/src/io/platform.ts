/** What differs between Node and a browser; `platform.browser.ts` takes its place there (field `browser` of package.json). */
import { setMaxListeners } from 'node:events';
import { Socket, connect as connectTcp, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket, connect as connectTls } from 'node:tls';
import { createWebSocketStream, WebSocket } from 'ws';
import type { LinkTlsOptions } from '../link.ts';

export { MqttClient } from 'mqtt';

/** Schemes of a broker's URL that can be dialled here, with their ports. */
export const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  'mqtt:': 1883,
  'mqtts:': 8883,
  'ws:': 80,
  'wss:': 443,
};

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

/** The stream hands bytes to the kernel, and keeps no reference once they are written. */
export function copiesOut(stream: Duplex): boolean {
  return stream instanceof Socket && !(stream instanceof TLSSocket);
}

/** Runs it when this turn of the event loop is over. */
export function afterThisTurn(callback: () => void): void {
  setImmediate(callback);
}

/** Many publishes may share one signal; that is no leak. */
export function expectManyListeners(signal: AbortSignal): void {
  setMaxListeners(0, signal);
}

/** A timer that does not keep the process alive. */
export function unref(timer: NodeJS.Timeout): void {
  timer.unref();
}

/** To stderr, which leaves stdout to the program. */
export function writeLog(line: string): void {
  process.stderr.write(line);
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
