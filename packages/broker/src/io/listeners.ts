import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import {
  createServer as createTcpServer,
  type AddressInfo,
  type Server as NetServer,
  type Socket,
} from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

import { WebSocketServer } from 'ws';

import { BrokerError } from './broker-error.ts';
import type { Server } from './server.ts';
import { streamTransport, webSocketTransport } from './transport.ts';

export interface TlsOptions {
  /** PEM. */
  readonly key: string | Buffer;
  /** PEM, with the chain. */
  readonly cert: string | Buffer;
  /** PEM: clients must show a certificate signed by one of these. Unset: clients need none. */
  readonly clientCa?: string | Buffer;
}

export interface ListenerOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Makes it `mqtts:` or `wss:`. */
  readonly tls?: TlsOptions;
}

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly url: string;
}

export interface Listener {
  readonly address: Address;
  close(): Promise<void>;
}

const BACKLOG = 1024;

const addressOf = (scheme: string, info: AddressInfo): Address => {
  const host = info.family === 'IPv6' ? `[${info.address}]` : info.address;
  return { host: info.address, port: info.port, url: `${scheme}://${host}:${info.port}` };
};

const secureOptions = ({ key, cert, clientCa }: TlsOptions) => ({
  key,
  cert,
  ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
});

const remoteOf = (socket: Socket): string => `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`;

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

export async function listenTcp(server: Server, options: ListenerOptions): Promise<Listener> {
  const accept = (socket: Socket): void => {
    server.open((events) => streamTransport(socket, remoteOf(socket), events));
  };
  const { tls } = options;
  const net =
    tls === undefined
      ? createTcpServer({ noDelay: true }, accept)
      : createTlsServer({ noDelay: true, ...secureOptions(tls) }, accept);
  const address = await listen(net, server, options, tls === undefined ? 'mqtt' : 'mqtts');
  return { address, close: closing(net) };
}

export async function listenWebSocket(server: Server, options: ListenerOptions): Promise<Listener> {
  const { tls } = options;
  const http = tls === undefined ? createHttpServer() : createHttpsServer(secureOptions(tls));
  const webSockets = new WebSocketServer({
    server: http,
    perMessageDeflate: false,
    maxPayload: Math.max(server.maxPacketBytes * 2, 64 * 1024),
    handleProtocols: (offered) =>
      offered.has('mqtt') ? 'mqtt' : offered.has('mqttv3.1') ? 'mqttv3.1' : false,
  });
  http.on('request', (_request, response) => response.writeHead(426, { upgrade: 'websocket' }).end());
  // The listener's own errors reach it through the HTTP server, which `listen` watches.
  webSockets.on('error', () => undefined);
  webSockets.on('connection', (socket, request) => {
    request.socket.setNoDelay(true);
    server.open((events) => webSocketTransport(socket, remoteOf(request.socket), events));
  });
  const address = await listen(http, server, options, tls === undefined ? 'ws' : 'wss');
  const close = async (): Promise<void> => {
    webSockets.close();
    http.closeAllConnections();
    await closing(http)();
  };
  return { address, close };
}
