import type { Duplex } from 'node:stream';

import type { WebSocket } from 'ws';

import type { ClientCertificate } from './tls.ts';

/** Who is at the other end of a connection. */
export interface Peer {
  /** `host:port`, for logs; as the PROXY header says if there is one. */
  readonly remote: string;
  readonly certificate: ClientCertificate | undefined;
}

/** A byte stream to one client, whatever carries it. */
export interface Transport {
  readonly peer: Peer;
  write(chunks: readonly Buffer[], totalBytes: number): void;
  /** Bytes accepted by `write` that have not left the process. */
  bufferedBytes(): number;
  pause(): void;
  resume(): void;
  /** Closes after what was written. */
  end(): void;
  destroy(): void;
}

export interface TransportEvents {
  onData(chunk: Buffer): void;
  onDrain(): void;
  /** Once. */
  onClose(): void;
}

const JOIN_BELOW_BYTES = 256 * 1024;

export function streamTransport(stream: Duplex, peer: Peer, events: TransportEvents): Transport {
  stream.on('data', (chunk: Buffer) => events.onData(chunk));
  stream.on('drain', () => events.onDrain());
  stream.on('error', () => stream.destroy());
  stream.on('end', () => stream.end());
  stream.once('close', () => events.onClose());
  return {
    peer,
    write(chunks, totalBytes) {
      if (stream.writableEnded || stream.destroyed) return;
      if (chunks.length === 1) stream.write(chunks[0]);
      else if (totalBytes < JOIN_BELOW_BYTES) stream.write(Buffer.concat(chunks, totalBytes));
      else {
        stream.cork();
        for (const chunk of chunks) stream.write(chunk);
        stream.uncork();
      }
    },
    bufferedBytes: () => stream.writableLength,
    pause: () => void stream.pause(),
    resume: () => void stream.resume(),
    end: () => void stream.end(),
    destroy: () => void stream.destroy(),
  };
}

export function webSocketTransport(socket: WebSocket, peer: Peer, events: TransportEvents): Transport {
  socket.binaryType = 'nodebuffer';
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    // MQTT 5 §6: MQTT control packets travel in binary frames only.
    if (isBinary) events.onData(data);
    else socket.close(1003, 'binary frames only');
  });
  socket.on('error', () => socket.terminate());
  socket.once('close', () => events.onClose());
  const sent = (): void => events.onDrain();
  return {
    peer,
    write(chunks, totalBytes) {
      if (socket.readyState !== socket.OPEN) return;
      socket.send(
        chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, totalBytes),
        { binary: true },
        sent,
      );
    },
    bufferedBytes: () => socket.bufferedAmount,
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    end: () => socket.close(1000),
    destroy: () => socket.terminate(),
  };
}
