import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import {
  generate,
  parser,
  type IConnackPacket,
  type IConnectPacket,
  type IPublishPacket,
  type ISubscribePacket,
  type Packet,
} from 'mqtt-packet';

import type { BrokerAddresses } from '../../src/index.ts';

/** A string as it stands in a packet. */
export function text(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

/** A packet of fewer than 128 bytes, right or wrong. */
export function packet(first: number, ...parts: readonly (number | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : part)));
  return Buffer.concat([Buffer.from([first, body.length]), body]);
}

export interface ConnectParts {
  readonly name?: string;
  readonly level?: number;
  readonly flags?: number;
  readonly properties?: Buffer;
  /** Everything after the properties. */
  readonly payload?: readonly Buffer[];
}

/** CONNECT from its parts, for what no library would write. */
export function rawConnect(parts: ConnectParts = {}): Buffer {
  const { name = 'MQTT', level = 5, flags = 2, properties = Buffer.alloc(0) } = parts;
  const { payload = [text('raw')] } = parts;
  return packet(0x10, text(name), level, flags, 0, 0, properties.length, properties, ...payload);
}

/** A session that outlives its connection. */
export const PERSISTENT = { clean: false, properties: { sessionExpiryInterval: 60 } };

/** No character of UTF-8. */
export const SURROGATE = Buffer.from([0xed, 0xa0, 0x80]);

/** Three user properties whose order can be told, as they stand in a packet. */
export const USER_PROPERTIES = Buffer.concat(
  [
    ['b', '1'],
    ['a', '2'],
    ['b', '3'],
  ].flatMap(([name, value]) => [Buffer.from([0x26]), text(name as string), text(value as string)]),
);

export const payloadsOf = (packets: readonly IPublishPacket[]): string[] =>
  packets.map(({ payload }) => payload.toString());

type Fields<T> = Partial<Omit<T, 'cmd'>>;

/** A client that does what it is told, packet by packet; what the broker says is read by another codec. */
export class RawClient {
  readonly socket: Socket;
  private readonly received: Packet[] = [];
  private readonly sizes = new WeakMap<Packet, number>();
  private wake: (() => void) | undefined;
  private ended = false;
  private connectVersion: 4 | 5 = 5;
  /** After the connection ended. */
  readonly closed: Promise<void>;

  constructor(socket: Socket, version: 4 | 5) {
    this.socket = socket;
    const reader = parser({ protocolVersion: version });
    reader.on('packet', (read) => {
      this.sizes.set(read, (read.length ?? 0) + ((read.length ?? 0) < 128 ? 2 : 3));
      this.received.push(read);
      this.wake?.();
    });
    reader.on('error', (error) => socket.destroy(error));
    socket.on('data', (chunk: Buffer) => reader.parse(chunk));
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.ended = true;
        this.wake?.();
        resolve();
      });
    });
  }

  static async open(addresses: BrokerAddresses, version: 4 | 5 = 5): Promise<RawClient> {
    const { host, port } = addresses.tcp ?? { host: '', port: 0 };
    const socket = connect({ host, port, noDelay: true });
    await once(socket, 'connect');
    return new RawClient(socket, version);
  }

  send(...packets: readonly (Packet | Buffer)[]): this {
    const protocolVersion = this.connectVersion;
    this.socket.write(
      Buffer.concat(packets.map((one) => (Buffer.isBuffer(one) ? one : generate(one, { protocolVersion })))),
    );
    return this;
  }

  /** Says CONNECT and waits for CONNACK. */
  async connect(clientId: string, fields: Fields<IConnectPacket> = {}): Promise<IConnackPacket> {
    this.connectVersion = fields.protocolVersion === 4 ? 4 : 5;
    const { connectVersion: protocolVersion } = this;
    this.send({ cmd: 'connect', clientId, clean: true, keepalive: 0, ...fields, protocolVersion });
    return (await this.next()) as IConnackPacket;
  }

  /** The next packet of the broker. Rejects when the connection ends before. */
  next(): Promise<Packet> {
    return this.first(() => true);
  }

  /** The next packet of a kind; those before it stay. */
  private async first(fits: (read: Packet) => boolean): Promise<Packet> {
    for (;;) {
      const at = this.received.findIndex(fits);
      if (at !== -1) return this.received.splice(at, 1)[0] as Packet;
      if (this.ended) throw new Error('the connection was closed');
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  async publication(): Promise<IPublishPacket> {
    const read = await this.next();
    if (read.cmd !== 'publish') throw new Error(`got ${read.cmd} in place of PUBLISH`);
    return read;
  }

  /** Everything that the broker has sent before it answers a PINGREQ. */
  async pending(): Promise<Packet[]> {
    this.send({ cmd: 'pingreq' });
    const packets: Packet[] = [];
    for (;;) {
      const read = await this.next();
      if (read.cmd === 'pingresp') return packets;
      packets.push(read);
    }
  }

  async publications(): Promise<IPublishPacket[]> {
    return (await this.pending()).filter((one): one is IPublishPacket => one.cmd === 'publish');
  }

  /** Everything until the connection ends. */
  async rest(): Promise<Packet[]> {
    await this.closed;
    return this.received.splice(0);
  }

  /** Bytes of a packet that came. */
  sizeOf(read: Packet): number {
    return this.sizes.get(read) ?? 0;
  }

  /** Subscribes and returns the reason codes; retained messages are still to be read. */
  async subscribe(
    filter: string,
    options: Partial<ISubscribePacket['subscriptions'][number]> = {},
    subscriptionIdentifier?: number,
  ): Promise<readonly number[]> {
    this.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [{ topic: filter, qos: 2, ...options }],
      ...(subscriptionIdentifier === undefined ? {} : { properties: { subscriptionIdentifier } }),
    });
    const read = await this.next();
    if (read.cmd !== 'suback') throw new Error(`got ${read.cmd} in place of SUBACK`);
    return read.granted as number[];
  }

  /** Publishes with QoS 1 and returns the PUBACK or PUBREC, so that every subscriber has the message in its socket. */
  async publish(topic: string, payload: string, fields: Fields<IPublishPacket> = {}): Promise<Packet> {
    this.send(publishPacket(topic, payload, { qos: 1, messageId: 7, ...fields }));
    return this.first((read) => read.cmd === 'puback' || read.cmd === 'pubrec');
  }

  /** DISCONNECT, and the broker has let go. */
  async leave(): Promise<void> {
    this.send({ cmd: 'disconnect' });
    await this.closed;
  }

  /** The connection breaks. */
  destroy(): void {
    this.socket.destroy();
  }
}

export const publishPacket = (
  topic: string,
  payload: string,
  fields: Fields<IPublishPacket> = {},
): Packet => ({
  cmd: 'publish',
  topic,
  payload,
  qos: 0,
  dup: false,
  retain: false,
  ...fields,
});
