import { createServer, type Server as NetServer, type Socket } from 'node:net';

import {
  parseProxySource,
  PROXY_HEAD_BYTES,
  proxyBodyBytes,
  ProxyHeaderError,
} from '../core/proxy-header.ts';
import type { Logger } from './logger.ts';

export interface ArrivalOptions {
  /** A PROXY header comes first. */
  readonly proxyProtocol: boolean;
  /** For the header. */
  readonly timeoutMs: number;
  readonly logger: Logger;
}

interface Waiting {
  readonly socket: Socket;
  readonly remote: string;
}

/** The same for a TCP connection and for the TLS that runs over it. */
const keyOf = (socket: Socket): string =>
  `${socket.remoteAddress}|${socket.remotePort}|${socket.localAddress}`;

const textOf = (socket: Socket): string => `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`;

/** Takes exactly so many bytes; what came with them stays in the stream. */
function take(socket: Socket, bytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      socket.off('readable', look);
      socket.off('close', ended);
      socket.off('end', ended);
    };
    const look = (): void => {
      const chunk = socket.read(bytes) as Buffer | null;
      if (chunk === null) return;
      done();
      if (chunk.length === bytes) resolve(chunk);
      else reject(new ProxyHeaderError('ends early'));
    };
    const ended = (): void => {
      done();
      reject(new ProxyHeaderError('ends early'));
    };
    socket.on('readable', look);
    socket.on('close', ended);
    socket.on('end', ended);
    look();
  });
}

async function readProxySource(socket: Socket): Promise<string | undefined> {
  const head = await take(socket, PROXY_HEAD_BYTES);
  const length = proxyBodyBytes(head);
  return parseProxySource(head, length === 0 ? Buffer.alloc(0) : await take(socket, length));
}

/** Connections of one listener from their first byte until they are clients: whose they are, and their end with the listener. */
export class Arrivals {
  private readonly waiting = new Map<string, Waiting>();
  private readonly options: ArrivalOptions;

  constructor(options: ArrivalOptions) {
    this.options = options;
  }

  /** The server that has to listen so that `inner` gets its connections. */
  watch(inner: NetServer): NetServer {
    if (!this.options.proxyProtocol) {
      inner.prependListener('connection', (socket: Socket) => this.add(socket, textOf(socket)));
      return inner;
    }
    return createServer({ noDelay: true }, (socket) => void this.unwrap(socket, inner));
  }

  private add(socket: Socket, remote: string): void {
    const key = keyOf(socket);
    this.waiting.set(key, { socket, remote });
    socket.once('close', () => {
      if (this.waiting.get(key)?.socket === socket) this.waiting.delete(key);
    });
  }

  private async unwrap(socket: Socket, inner: NetServer): Promise<void> {
    const proxy = textOf(socket);
    this.add(socket, proxy);
    const failed = (error: Error): void => {
      this.options.logger.info('connection refused', { remote: proxy, reason: error.message });
      socket.destroy();
    };
    socket.on('error', failed);
    const late = setTimeout(() => failed(new ProxyHeaderError('did not come')), this.options.timeoutMs);
    try {
      const source = await readProxySource(socket);
      if (source !== undefined) this.add(socket, source);
      if (!socket.destroyed) inner.emit('connection', socket);
    } catch (error) {
      failed(error as Error);
    } finally {
      clearTimeout(late);
    }
  }

  /** Address of whoever is behind a socket that is a client from now on. */
  admit(socket: Socket): string {
    const key = keyOf(socket);
    const remote = this.waiting.get(key)?.remote;
    this.waiting.delete(key);
    return remote ?? textOf(socket);
  }

  close(): void {
    for (const { socket } of this.waiting.values()) socket.destroy();
  }
}
