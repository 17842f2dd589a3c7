import { connect, type Socket } from 'node:net';

import { generate, parser, type Packet } from 'mqtt-packet';

const MQTT5 = { protocolVersion: 5 };

/** A client with a session of its own that goes on over every connection, as MQTT 5 §4.4 asks of it. */
abstract class Peer {
  private readonly clientId: string;
  private socket: Socket | undefined;
  /** Sessions that the broker did not know any more. */
  lostSessions = 0;
  private connections = 0;

  constructor(clientId: string) {
    this.clientId = clientId;
  }

  connect(url: string): Promise<void> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.socket = socket;
    const reader = parser(MQTT5);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => reader.parse(chunk));
    return new Promise((resolve) => {
      reader.on('packet', (packet) => {
        if (this.socket !== socket) return;
        if (packet.cmd !== 'connack') return this.onPacket(packet);
        if (!packet.sessionPresent && this.connections++ > 0) this.lostSessions++;
        this.onConnected(packet.sessionPresent);
        resolve();
      });
      this.send({
        cmd: 'connect',
        clientId: this.clientId,
        clean: false,
        keepalive: 0,
        protocolVersion: 5,
        properties: { sessionExpiryInterval: 3600 },
      });
    });
  }

  protected send(packet: Packet): void {
    this.socket?.write(generate(packet, MQTT5));
  }

  close(): void {
    this.socket?.destroy();
  }

  protected abstract onConnected(sessionPresent: boolean): void;
  protected abstract onPacket(packet: Packet): void;
}

/** Publishes numbers with QoS 2, a few at a time, and repeats what is not complete after every reconnect. */
export class ExactlyOncePublisher extends Peer {
  private readonly outstanding = new Map<number, { readonly payload: string; released: boolean }>();
  readonly completed = new Set<string>();
  private readonly topic: string;
  private nextNumber = 0;
  private nextId = 1;
  private readonly window = 10;
  private drained: (() => void) | undefined;

  constructor(clientId: string, topic: string) {
    super(clientId);
    this.topic = topic;
  }

  /** No more new ones; resolves when all are complete. */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      this.drained = resolve;
      this.fill();
    });
  }

  protected onConnected(): void {
    for (const [messageId, { payload, released }] of this.outstanding) {
      if (released) this.send({ cmd: 'pubrel', messageId });
      else this.publish(messageId, payload, true);
    }
    this.fill();
  }

  private publish(messageId: number, payload: string, dup: boolean): void {
    this.send({ cmd: 'publish', topic: this.topic, payload, qos: 2, dup, retain: false, messageId });
  }

  private fill(): void {
    if (this.drained !== undefined) {
      if (this.outstanding.size === 0) this.drained();
      return;
    }
    while (this.outstanding.size < this.window) {
      while (this.outstanding.has(this.nextId)) this.nextId = (this.nextId % 1000) + 1;
      const messageId = this.nextId;
      const payload = String(this.nextNumber++);
      this.outstanding.set(messageId, { payload, released: false });
      this.publish(messageId, payload, false);
    }
  }

  protected onPacket(packet: Packet): void {
    const messageId = packet.messageId as number;
    const entry = this.outstanding.get(messageId);
    if (packet.cmd === 'pubrec') {
      if (entry !== undefined) entry.released = true;
      this.send({ cmd: 'pubrel', messageId });
    } else if (packet.cmd === 'pubcomp' && entry !== undefined) {
      this.outstanding.delete(messageId);
      this.completed.add(entry.payload);
      this.fill();
    }
  }
}

/** Takes QoS 2 and counts each message when its identifier is new. */
export class ExactlyOnceReceiver extends Peer {
  private readonly ids = new Set<number>();
  readonly counts = new Map<string, number>();
  private readonly topic: string;
  private arrived: (() => void) | undefined;

  constructor(clientId: string, topic: string) {
    super(clientId);
    this.topic = topic;
  }

  /** Resolves when all of these have come. */
  async waitFor(payloads: ReadonlySet<string>): Promise<void> {
    while ([...payloads].some((payload) => !this.counts.has(payload)))
      await new Promise<void>((resolve) => (this.arrived = resolve));
  }

  protected onConnected(sessionPresent: boolean): void {
    if (sessionPresent) return;
    this.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: this.topic, qos: 2 }] });
  }

  protected onPacket(packet: Packet): void {
    const messageId = packet.messageId as number;
    if (packet.cmd === 'publish') {
      if (!this.ids.has(messageId)) {
        this.ids.add(messageId);
        const payload = packet.payload.toString();
        this.counts.set(payload, (this.counts.get(payload) ?? 0) + 1);
        this.arrived?.();
      }
      this.send({ cmd: 'pubrec', messageId });
    } else if (packet.cmd === 'pubrel') {
      this.ids.delete(messageId);
      this.send({ cmd: 'pubcomp', messageId });
    }
  }
}
