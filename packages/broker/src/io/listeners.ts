import { createServer, type AddressInfo, type Socket } from 'node:net';

import { WebSocketServer } from 'ws';

import { BrokerError } from './broker-error.ts';
import type { Server } from './server.ts';
import { streamTransport, webSocketTransport } from './transport.ts';

export interface ListenerOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
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

const listenError = (error: Error, options: ListenerOptions): BrokerError =>
  new BrokerError(
    'listen-failed',
    `cannot listen on ${options.host ?? '127.0.0.1'}:${options.port ?? 0}: ${error.message}`,
    error,
  );

export function listenTcp(server: Server, options: ListenerOptions): Promise<Listener> {
  const tcp = createServer({ noDelay: true, allowHalfOpen: false }, (socket: Socket) => {
    const remote = `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`;
    server.open((events) => streamTransport(socket, remote, events));
  });
  return new Promise((resolve, reject) => {
    tcp.once('error', (error) => reject(listenError(error, options)));
    tcp.listen({ host: options.host ?? '127.0.0.1', port: options.port ?? 0, backlog: BACKLOG }, () => {
      tcp.on('error', (error) => server.logger.error('TCP listener', { error: error.message }));
      const close = (): Promise<void> => new Promise((done) => void tcp.close(() => done()));
      resolve({ address: addressOf('mqtt', tcp.address() as AddressInfo), close });
    });
  });
}

export function listenWebSocket(server: Server, options: ListenerOptions): Promise<Listener> {
  const ws = new WebSocketServer({
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    backlog: BACKLOG,
    perMessageDeflate: false,
    maxPayload: Math.max(server.maxPacketBytes * 2, 64 * 1024),
    handleProtocols: (offered) =>
      offered.has('mqtt') ? 'mqtt' : offered.has('mqttv3.1') ? 'mqttv3.1' : false,
  });
  ws.on('connection', (socket, request) => {
    request.socket.setNoDelay(true);
    const remote = `${request.socket.remoteAddress ?? ''}:${request.socket.remotePort ?? 0}`;
    server.open((events) => webSocketTransport(socket, remote, events));
  });
  return new Promise((resolve, reject) => {
    ws.once('error', (error) => reject(listenError(error, options)));
    ws.once('listening', () => {
      ws.on('error', (error) => server.logger.error('WebSocket listener', { error: error.message }));
      const close = (): Promise<void> => new Promise((done) => ws.close(() => done()));
      resolve({ address: addressOf('ws', ws.address() as AddressInfo), close });
    });
  });
}
