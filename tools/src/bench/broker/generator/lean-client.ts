import { connect, type Socket } from 'node:net';
import { generate, type IConnectPacket, type ISubscribePacket } from 'mqtt-packet';

export type Version = 4 | 5;
export type Qos = 0 | 1 | 2;

export interface LeanClientOptions {
  readonly port: number;
  readonly version: Version;
  readonly clientId: string;
  /** The session outlives the connection, until a `disconnect`. */
  readonly persistent?: boolean;
  readonly will?: IConnectPacket['will'];
  /** A whole PUBLISH, its QoS, and where its first and last byte are; only valid during the call. */
  readonly onPublish?: (bytes: Buffer, start: number, end: number) => void;
  /** Each acknowledgement that lets the publisher send one more. */
  readonly onAcknowledged?: () => void;
  /** After the packets of each chunk. */
  readonly onChunk?: () => void;
}

const KEEP_ALIVE_SECONDS = 0;
const SESSION_SECONDS = 3_600;

/** All clients of the process read into the same memory: nothing of it outlives the callback. */
const readBuffer = Buffer.allocUnsafeSlow(256 * 1024);
/** Acknowledgements for one chunk. */
const ackBuffer = Buffer.allocUnsafeSlow(256 * 1024);

/**
 * A client that does as little as it can, so that the broker is what is measured: it looks at the type of a packet, at its length, and at its
 * packet identifier, answers what must be answered once per chunk, and sends packets that were encoded beforehand.
 */
export class LeanClient {
  /** What the broker takes at once, from its CONNACK. */
  receiveMaximum = 65_535;
  private socket!: Socket;
  private rest: Buffer | undefined;
  private ackBytes = 0;
  private waiting: { type: number; resolve: () => void; reject: (error: Error) => void } | undefined;
  private closed = false;
  private readonly options: LeanClientOptions;

  constructor(options: LeanClientOptions) {
    this.options = options;
  }

  /** Resolves with CONNACK; rejects when it refuses. */
  open(): Promise<void> {
    const { port, version, clientId, persistent = false, will } = this.options;
    this.socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: { buffer: readBuffer, callback: (bytes) => this.read(bytes) },
    });
    this.socket.on('error', (error) => this.fail(error)).on('close', () => this.fail(new Error('closed')));
    const packet: IConnectPacket = {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: version,
      clientId,
      clean: !persistent,
      keepalive: KEEP_ALIVE_SECONDS,
      ...(version === 5 && persistent ? { properties: { sessionExpiryInterval: SESSION_SECONDS } } : {}),
      ...(will === undefined ? {} : { will }),
    };
    this.socket.write(generate(packet, { protocolVersion: version }));
    return this.answer(0x20);
  }

  /** Resolves with SUBACK. */
  subscribe(filter: string, qos: Qos): Promise<void> {
    const packet: ISubscribePacket = {
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [{ topic: filter, qos, nl: false, rap: false, rh: 0 }],
    };
    this.write(generate(packet, { protocolVersion: this.options.version }));
    return this.answer(0x90);
  }

  write(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** With a DISCONNECT that also ends the session. */
  close(): void {
    if (this.closed) return;
    const { version, persistent = false } = this.options;
    const ends = version === 5 && persistent ? { properties: { sessionExpiryInterval: 0 } } : {};
    this.closed = true;
    this.socket.end(generate({ cmd: 'disconnect', ...ends }, { protocolVersion: version }));
  }

  /** With a DISCONNECT that leaves the session as it is. */
  leave(): void {
    this.closed = true;
    this.socket.end(generate({ cmd: 'disconnect' }, { protocolVersion: this.options.version }));
  }

  private answer(type: number): Promise<void> {
    return new Promise((resolve, reject) => (this.waiting = { type, resolve, reject }));
  }

  private fail(error: Error): void {
    if (this.closed) return;
    this.closed = true;
    const lost = new Error(`${this.options.clientId}: connection lost: ${error.message}`);
    if (this.waiting === undefined) throw lost;
    this.waiting.reject(lost);
  }

  private read(bytes: number): boolean {
    const chunk = readBuffer.subarray(0, bytes);
    const data = this.rest === undefined ? chunk : Buffer.concat([this.rest, chunk]);
    const left = this.packets(data);
    // A copy: the memory is read into again.
    this.rest = left === data.length ? undefined : Buffer.from(data.subarray(left));
    if (this.ackBytes > 0) {
      this.socket.write(Buffer.from(ackBuffer.subarray(0, this.ackBytes)));
      this.ackBytes = 0;
    }
    this.options.onChunk?.();
    return true;
  }

  /** Returns where the first incomplete packet begins. */
  private packets(data: Buffer): number {
    let start = 0;
    while (start + 2 <= data.length) {
      let at = start + 1;
      let length = data[at]! & 0x7f;
      for (let shift = 7; data[at]! >= 0x80; shift += 7) {
        at += 1;
        if (at >= data.length) return start;
        length |= (data[at]! & 0x7f) << shift;
      }
      const end = at + 1 + length;
      if (end > data.length) return start;
      this.packet(data, start, at + 1, end);
      start = end;
    }
    return start;
  }

  private packet(data: Buffer, start: number, body: number, end: number): void {
    const type = data[start]! & 0xf0;
    switch (type) {
      case 0x30:
        this.options.onPublish?.(data, start, end);
        this.acknowledgePublish(data, start, body);
        return;
      case 0x40:
      case 0x70:
        this.options.onAcknowledged?.();
        return;
      case 0x50:
        this.acknowledge(0x62, data, body);
        return;
      case 0x60:
        this.acknowledge(0x70, data, body);
        return;
      default:
        this.answered(type, data, body, end);
    }
  }

  private acknowledgePublish(data: Buffer, start: number, body: number): void {
    const qos = (data[start]! >> 1) & 3;
    if (qos === 0) return;
    const idAt = body + 2 + (data[body]! << 8) + data[body + 1]!;
    this.acknowledge(qos === 1 ? 0x40 : 0x50, data, idAt);
  }

  private acknowledge(first: number, data: Buffer, idAt: number): void {
    ackBuffer[this.ackBytes++] = first;
    ackBuffer[this.ackBytes++] = 2;
    ackBuffer[this.ackBytes++] = data[idAt]!;
    ackBuffer[this.ackBytes++] = data[idAt + 1]!;
  }

  private answered(type: number, data: Buffer, body: number, end: number): void {
    const { waiting } = this;
    if (type === 0xe0) return this.fail(new Error(`DISCONNECT ${data[body]}`));
    if (type !== waiting?.type) return;
    this.waiting = undefined;
    // CONNACK: flags, code; SUBACK: its codes come last.
    const code = type === 0x20 ? data[body + 1]! : data[end - 1]!;
    if (code >= (type === 0x20 ? 1 : 0x80)) {
      this.waiting = waiting;
      this.fail(new Error(`refused with ${code}`));
      return;
    }
    if (type === 0x20 && this.options.version === 5)
      this.receiveMaximum = receiveMaximumOf(data.subarray(body + 3, end));
    waiting.resolve();
  }
}

/** Bytes of the properties of a CONNACK that have a fixed length, by identifier. */
const FIXED: Readonly<Record<number, number>> = {
  17: 4,
  33: 2,
  36: 1,
  37: 1,
  39: 4,
  34: 2,
  40: 1,
  41: 1,
  42: 1,
  19: 2,
};

function receiveMaximumOf(properties: Buffer): number {
  for (let at = 0; at < properties.length;) {
    const id = properties[at]!;
    if (id === 33) return properties.readUInt16BE(at + 1);
    const fixed = FIXED[id];
    at += 1 + (fixed ?? 2 + properties.readUInt16BE(at + 1));
  }
  return 65_535;
}
