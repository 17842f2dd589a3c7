import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';

import { BrokerError } from '../broker-error.ts';
import type { Address, Listener } from '../listeners.ts';
import { NOTHING_REVOKED, type RevocationLists } from '../revocation-lists.ts';
import { certificateOf, ListenerTls, withTlsErrors, type TlsOptions } from '../tls.ts';

/** A peer that dawdles is let go: with its headers, its body, its reading, and between two requests. */
const TIMEOUTS = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 8 * 1024,
} as const;
const WRITE_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 256;
const MAX_REQUESTS_PER_CONNECTION = 1_000;

export interface HttpServerOptions {
  readonly host?: string;
  readonly port?: number;
  readonly tls?: TlsOptions;
}

function createPlainOrSecure(tls: ListenerTls | undefined): Server {
  if (tls === undefined) return createServer(TIMEOUTS);
  const secure = createSecureServer({
    ...TIMEOUTS,
    handshakeTimeout: TIMEOUTS.headersTimeout,
    ...tls.serverOptions,
  });
  tls.serve(secure);
  return secure;
}

export interface HttpListener extends Listener {
  /** Ends connections whose certificate is on the lists, also those whose handshake is under way. Returns how many there were. */
  disconnectRevoked(revoked: RevocationLists): number;
}

/** TLS connections whose handshake is over. */
class Secured {
  private readonly sockets = new Set<TLSSocket>();
  private revoked = NOTHING_REVOKED;

  add(socket: TLSSocket): void {
    // Its handshake may have been checked with older lists.
    if (isRevoked(socket, this.revoked)) {
      socket.destroy();
      return;
    }
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
  }

  disconnectRevoked(revoked: RevocationLists): number {
    this.revoked = revoked;
    const chosen = [...this.sockets].filter((socket) => isRevoked(socket, revoked));
    for (const socket of chosen) socket.destroy();
    return chosen.length;
  }
}

function isRevoked(socket: TLSSocket, revoked: RevocationLists): boolean {
  const certificate = certificateOf(socket);
  return certificate !== undefined && revoked.has(certificate);
}

/** Rejects with BrokerError `listen-failed`, `invalid-options`. */
export async function openHttpServer(
  options: HttpServerOptions,
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<HttpListener> {
  const { host = '127.0.0.1', port = 0 } = options;
  const tls = options.tls === undefined ? undefined : new ListenerTls(options.tls);
  const http = withTlsErrors(() => createPlainOrSecure(tls));
  http.maxConnections = MAX_CONNECTIONS;
  http.maxRequestsPerSocket = MAX_REQUESTS_PER_CONNECTION;
  http.setTimeout(WRITE_TIMEOUT_MS, (socket) => socket.destroy());
  http.on('tlsClientError', (_error, socket) => socket.destroy());
  const secured = new Secured();
  http.on('secureConnection', (socket: TLSSocket) => secured.add(socket));
  http.on('request', (request, response) => void handle(request, response));
  const scheme = tls === undefined ? 'http' : 'https';
  return new Promise((resolve, reject) => {
    http.once('error', (error) =>
      reject(new BrokerError('listen-failed', `cannot listen on ${host}:${port}: ${error.message}`, error)),
    );
    http.listen({ host, port }, () => {
      const info = http.address() as AddressInfo;
      const shown = info.family === 'IPv6' ? `[${info.address}]` : info.address;
      const address: Address = {
        host: info.address,
        port: info.port,
        url: `${scheme}://${shown}:${info.port}`,
      };
      const close = (): Promise<void> =>
        new Promise((done) => {
          http.close(() => done());
          http.closeAllConnections();
        });
      resolve({ address, tls, disconnectRevoked: (revoked) => secured.disconnectRevoked(revoked), close });
    });
  });
}
