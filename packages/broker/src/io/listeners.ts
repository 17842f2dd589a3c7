import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import {
  createServer as createTcpServer,
  type AddressInfo,
  type Server as NetServer,
  type Socket,
} from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

import { WebSocketServer } from 'ws';

import { Arrivals } from './arrivals.ts';
import { BrokerError } from './broker-error.ts';
import type { Server } from './server.ts';
import { certificateOf, ListenerTls, withTlsErrors, type TlsOptions } from './tls.ts';
import { streamTransport, webSocketTransport } from './transport.ts';

export interface ListenerOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Makes it `mqtts:` or `wss:`. */
  readonly tls?: TlsOptions;
  /**
   * Default false. True: a load balancer speaks for the clients and says so in a PROXY protocol header, version 2. Only for addresses that
   * nobody but the load balancer reaches: who writes the header chooses the address that is logged.
   */
  readonly proxyProtocol?: boolean;
}

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly url: string;
}

export interface Listener {
  readonly address: Address;
  /** Unset without TLS. */
  readonly tls?: ListenerTls | undefined;
  close(): Promise<void>;
}

const BACKLOG = 1024;

const addressOf = (scheme: string, info: AddressInfo): Address => {
  const host = info.family === 'IPv6' ? `[${info.address}]` : info.address;
  return { host: info.address, port: info.port, url: `${scheme}://${host}:${info.port}` };
};

function listen(net: NetServer, server: Server, options: ListenerOptions, scheme: string): Promise<Address> {
  const { host = '127.0.0.1', port = 0 } = options;
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void =>
      reject(new BrokerError('listen-failed', `cannot listen on ${host}:${port}: ${error.message}`, error));
    net.once('error', failed);
    net.listen({ host, port, backlog: BACKLOG }, () => {
      net.off('error', failed);
      net.on('error', (error) => server.logger.error('listener', { scheme, error: error.message }));
      resolve(addressOf(scheme, net.address() as AddressInfo));
    });
  });
}

const closing = (net: NetServer) => (): Promise<void> => new Promise((done) => net.close(() => done()));

const arrivalsOf = (server: Server, { proxyProtocol = false }: ListenerOptions): Arrivals =>
  new Arrivals({ proxyProtocol, timeoutMs: server.connectTimeoutMs, logger: server.logger });

function createTcp(server: Server, tls: ListenerTls | undefined): NetServer {
  if (tls === undefined) return createTcpServer({ noDelay: true });
  const secure = createTlsServer({
    noDelay: true,
    handshakeTimeout: server.connectTimeoutMs,
    ...tls.serverOptions,
  });
  tls.serve(secure);
  return secure;
}

function watchHandshakes(server: Server, net: NetServer): void {
  net.on('tlsClientError', (error: Error, socket: Socket) => {
    server.logger.info('TLS handshake failed', { remote: socket.remoteAddress, reason: error.message });
    // After a timeout Node only tells.
    socket.destroy();
  });
}

export async function listenTcp(server: Server, options: ListenerOptions): Promise<Listener> {
  const tls = options.tls === undefined ? undefined : new ListenerTls(options.tls);
  const arrivals = arrivalsOf(server, options);
  const inner = withTlsErrors(() => createTcp(server, tls));
  const net = arrivals.watch(inner);
  watchHandshakes(server, inner);
  inner.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    const peer = { remote: arrivals.admit(socket), certificate: certificateOf(socket) };
    server.open((events) => streamTransport(socket, peer, events));
  });
  const address = await listen(net, server, options, tls === undefined ? 'mqtt' : 'mqtts');
  const close = closing(net);
  return {
    address,
    tls,
    close: () => {
      arrivals.close();
      return close();
    },
  };
}

function createHttp(server: Server, tls: ListenerTls | undefined): HttpServer {
  const timeouts = { headersTimeout: server.connectTimeoutMs, requestTimeout: server.connectTimeoutMs };
  if (tls === undefined) return createHttpServer(timeouts);
  const secure = createHttpsServer({
    ...timeouts,
    handshakeTimeout: server.connectTimeoutMs,
    ...tls.serverOptions,
  });
  tls.serve(secure);
  return secure;
}

const offersMqtt = (header: string | undefined): boolean =>
  header?.split(',').some((name) => name.trim() === 'mqtt') === true;

export async function listenWebSocket(server: Server, options: ListenerOptions): Promise<Listener> {
  const tls = options.tls === undefined ? undefined : new ListenerTls(options.tls);
  const arrivals = arrivalsOf(server, options);
  const http = withTlsErrors(() => createHttp(server, tls));
  const net = arrivals.watch(http);
  watchHandshakes(server, http);
  const webSockets = new WebSocketServer({
    server: http,
    perMessageDeflate: false,
    maxPayload: Math.max(server.maxPacketBytes * 2, 64 * 1024),
    // MQTT 5 §6: the client offers `mqtt`, and that is what the server selects.
    verifyClient: ({ req }, verified) =>
      verified(offersMqtt(req.headers['sec-websocket-protocol']), 400, 'the subprotocol must be mqtt'),
    handleProtocols: () => 'mqtt',
  });
  http.on('request', (_request, response) => response.writeHead(426, { upgrade: 'websocket' }).end());
  // The listener's own errors reach it through the HTTP server, which `listen` watches.
  webSockets.on('error', () => undefined);
  webSockets.on('connection', (socket, request) => {
    request.socket.setNoDelay(true);
    const peer = { remote: arrivals.admit(request.socket), certificate: certificateOf(request.socket) };
    server.open((events) => webSocketTransport(socket, peer, events));
  });
  const address = await listen(net, server, options, tls === undefined ? 'ws' : 'wss');
  const close = async (): Promise<void> => {
    webSockets.close();
    arrivals.close();
    http.closeAllConnections();
    await closing(net)();
  };
  return { address, tls, close };
}
