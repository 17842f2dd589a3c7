import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import mqttPacket from 'mqtt-packet';
import type { IConnackPacket, IConnectPacket, IPublishPacket, ISubscription, Packet, QoS } from 'mqtt-packet';
import { ConformanceError } from '../core/conformance-error.ts';
import { FrameSplitter } from '../core/frames.ts';
import { topicMatches } from '../core/topic-match.ts';
import type { Trace } from '../core/trace.ts';

export type PublishProperties = NonNullable<IPublishPacket['properties']>;

export interface WireOptions {
  /** `mqtt://` or `mqtts://`, with user name and password if the broker wants them. */
  readonly url: string;
  readonly clientId: string;
  /** In traces. */
  readonly name?: string;
  readonly trace?: Trace;
  readonly will?: NonNullable<IConnectPacket['will']>;
  /** Default true. */
  readonly clean?: boolean;
  /** Default 0: the session ends with the connection. */
  readonly sessionExpirySeconds?: number;
  /** PEM of an authority to trust with `mqtts://`. */
  readonly ca?: string;
  /** Default 5. 4 is MQTT 3.1.1, which has no properties: for subjects that are wrong on purpose. */
  readonly protocolVersion?: 4 | 5;
}

export interface PublishInit {
  readonly qos?: QoS;
  readonly retain?: boolean;
  readonly properties?: PublishProperties;
}

/** How long the broker may take to answer a packet. */
const ANSWER_MS = 5_000;

/** Opens the socket that an `mqtt://` or `mqtts://` URL names. */
export function openSocket(url: string, ca?: string): Socket {
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  if (protocol === 'mqtt:' || protocol === 'tcp:')
    return connectTcp({ host, port: Number(port) || 1883, noDelay: true });
  if (protocol === 'mqtts:')
    return connectTls({ host, port: Number(port) || 8883, ...(ca === undefined ? {} : { ca }) });
  throw new ConformanceError(
    'invalid-option',
    `broker: ${protocol} is not supported; use mqtt:// or mqtts://`,
  );
}

/** One MQTT 5 connection that does only what it is told: nothing is resent, reconnected or hidden. */
export class Wire {
  readonly clientId: string;
  readonly connack: IConnackPacket;
  /** The broker's DISCONNECT, when it sent one. */
  disconnectReason: number | undefined;
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #protocolVersion: 4 | 5;
  readonly #trace: (from: 'kit' | 'broker', packet: Packet) => void;
  readonly #pending = new Map<number, (answer: Packet | string) => void>();
  readonly #handlers: { filter: string; handle: (message: IPublishPacket) => void }[] = [];
  readonly #unheard: IPublishPacket[] = [];
  readonly #keepAlive: NodeJS.Timeout;
  #lastId = 0;

  static open(options: WireOptions): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = openSocket(options.url, options.ca);
      const label = `kit ${options.name ?? options.clientId}`;
      const trace = (from: 'kit' | 'broker', packet: Packet): void =>
        options.trace?.add({
          atMs: performance.now(),
          from: from === 'kit' ? label : 'broker',
          to: from === 'kit' ? 'broker' : label,
          packet,
        });
      const fail = (why: string, cause?: unknown): void => {
        clearTimeout(timer);
        socket.destroy();
        reject(new ConformanceError('broker-unreachable', `${hideLogin(options.url)}: ${why}`, { cause }));
      };
      const timer = setTimeout(() => fail(`no CONNACK within ${ANSWER_MS} ms`), ANSWER_MS);
      socket.once('error', (error) => fail(error.message, error));
      socket.once('close', () => fail('the broker closed the connection before CONNACK'));
      const packet = connectPacket(options);
      const protocolVersion = options.protocolVersion ?? 5;
      socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => {
        socket.write(mqttPacket.generate(packet, { protocolVersion }));
        trace('kit', packet);
      });
      const frames = readPackets(socket, protocolVersion, (received) => {
        trace('broker', received);
        if (received.cmd !== 'connack') return fail(`${received.cmd} instead of CONNACK`);
        if ((received.reasonCode ?? received.returnCode) !== 0)
          return fail(`CONNACK with reason code ${received.reasonCode ?? received.returnCode}`);
        clearTimeout(timer);
        socket.removeAllListeners('error').removeAllListeners('close');
        resolve(new Wire(options.clientId, received, socket, protocolVersion, frames, trace));
      });
    });
  }

  private constructor(
    clientId: string,
    connack: IConnackPacket,
    socket: Socket,
    protocolVersion: 4 | 5,
    frames: PacketReader,
    trace: (from: 'kit' | 'broker', packet: Packet) => void,
  ) {
    this.clientId = clientId;
    this.connack = connack;
    this.#socket = socket;
    this.#protocolVersion = protocolVersion;
    this.#trace = trace;
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    frames.handle = (packet) => this.#receive(packet);
    this.#keepAlive = setInterval(() => this.#write({ cmd: 'pingreq' }), 15_000);
    this.#keepAlive.unref();
    socket.once('close', () => {
      clearInterval(this.#keepAlive);
      for (const settle of this.#pending.values()) settle('the broker closed the connection');
    });
  }

  /** Hears what the broker delivers on its own, for a session that it kept. */
  listen(filter: string, handle: (message: IPublishPacket) => void): void {
    this.#handlers.push({ filter, handle });
    for (const packet of this.#unheard.splice(0)) this.#deliver(packet);
  }

  /** Resolves with the reason codes of SUBACK. Call it once per filter. */
  async subscribe(
    filter: string,
    handle: (message: IPublishPacket) => void,
    options: Omit<ISubscription, 'topic' | 'qos'> & { qos?: QoS } = {},
  ): Promise<number[]> {
    this.listen(filter, handle);
    const { qos = 1, ...rest } = options;
    // mqtt-packet wants every option spelled out for MQTT 5.
    const subscription = { topic: filter, qos, nl: false, rap: false, rh: 0, ...rest };
    const suback = await this.#ask((messageId) => ({
      cmd: 'subscribe',
      messageId,
      subscriptions: [subscription],
    }));
    return suback.cmd === 'suback' ? suback.granted.map(Number) : [];
  }

  async unsubscribe(filter: string): Promise<void> {
    await this.#ask((messageId) => ({ cmd: 'unsubscribe', messageId, unsubscriptions: [filter] }));
  }

  /** Resolves with the reason code of PUBACK; at once with 0 for QoS 0. */
  async publish(topic: string, payload: string | Uint8Array, init: PublishInit = {}): Promise<number> {
    const packet: IPublishPacket = {
      cmd: 'publish',
      topic,
      payload: Buffer.from(payload as Uint8Array),
      qos: init.qos ?? 1,
      dup: false,
      retain: init.retain ?? false,
      properties: withoutEmpty(init.properties ?? {}),
    };
    if (packet.qos === 0) {
      this.#write(packet);
      return 0;
    }
    const ack = await this.#ask((messageId) => ({ ...packet, messageId }));
    return (ack as { reasonCode?: number }).reasonCode ?? 0;
  }

  /** DISCONNECT, by default a clean one that drops the will. */
  async close(reasonCode = 0): Promise<void> {
    if (!this.#socket.destroyed && this.#socket.writable) {
      this.#write({ cmd: 'disconnect', reasonCode });
      this.#socket.end();
    }
    const timer = setTimeout(() => this.#socket.destroy(), 1_000);
    await this.closed;
    clearTimeout(timer);
  }

  /** Ends the connection as a crash would. */
  destroy(): void {
    this.#socket.destroy();
  }

  #ask(build: (messageId: number) => Packet): Promise<Packet> {
    this.#lastId = (this.#lastId % 65_535) + 1;
    const id = this.#lastId;
    const packet = build(id);
    return new Promise((resolve, reject) => {
      const settle = (answer: Packet | string): void => {
        this.#pending.delete(id);
        clearTimeout(timer);
        if (typeof answer === 'string') reject(new Error(answer));
        else resolve(answer);
      };
      const timer = setTimeout(
        () => settle(`the broker did not answer ${packet.cmd} within ${ANSWER_MS} ms`),
        ANSWER_MS,
      );
      this.#pending.set(id, settle);
      this.#write(packet);
      if (this.#socket.destroyed) settle(`the connection was closed before ${packet.cmd}`);
    });
  }

  /** What a kept session delivers may come before anybody listens: it waits. */
  #deliver(packet: IPublishPacket): void {
    const handlers = this.#handlers.filter(({ filter }) => topicMatches(filter, packet.topic, true));
    if (handlers.length === 0) this.#unheard.push(packet);
    for (const { handle } of handlers) handle(packet);
  }

  #write(packet: Packet): void {
    if (this.#socket.destroyed) return;
    this.#trace('kit', packet);
    this.#socket.write(mqttPacket.generate(packet, { protocolVersion: this.#protocolVersion }));
  }

  #receive(packet: Packet): void {
    this.#trace('broker', packet);
    if (packet.cmd === 'publish') {
      // Acknowledged first: a handler may answer, and the order of packets in the trace should be the natural one.
      if (packet.qos === 1) this.#write({ cmd: 'puback', messageId: packet.messageId ?? 0, reasonCode: 0 });
      this.#deliver(packet);
    } else if (packet.cmd === 'disconnect') {
      this.disconnectReason = packet.reasonCode ?? 0;
    } else if (packet.messageId !== undefined) {
      this.#pending.get(packet.messageId)?.(packet);
    }
  }
}

/** Where the packets of a socket go; changeable, because CONNACK is read before there is a connection to read for. */
export interface PacketReader {
  handle: (packet: Packet) => void;
}

export function readPackets(
  socket: Socket,
  protocolVersion: number,
  handle: (packet: Packet) => void,
): PacketReader {
  const reader: PacketReader = { handle };
  const splitter = new FrameSplitter();
  socket.on('data', (chunk: Buffer) => {
    for (const frame of splitter.push(chunk)) {
      const packet = decodePacket(frame, protocolVersion);
      if (packet !== undefined) reader.handle(packet);
    }
  });
  return reader;
}

/** Undefined when it is malformed. */
export function decodePacket(frame: Buffer, protocolVersion: number): Packet | undefined {
  const parser = mqttPacket.parser({ protocolVersion });
  let packet: Packet | undefined;
  parser.on('packet', (parsed) => (packet = parsed));
  parser.on('error', () => undefined);
  parser.parse(frame);
  return packet;
}

/** mqtt-packet writes a malformed packet for user properties that are there and empty. */
function withoutEmpty({ userProperties, ...rest }: PublishProperties): PublishProperties {
  const isEmpty = userProperties === undefined || Object.keys(userProperties).length === 0;
  return isEmpty ? rest : { ...rest, userProperties };
}

/** A URL without its login, for people to read. */
export function hideLogin(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

function connectPacket(options: WireOptions): IConnectPacket {
  const { username, password } = new URL(options.url);
  return {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: options.protocolVersion ?? 5,
    clientId: options.clientId,
    clean: options.clean ?? true,
    keepalive: 60,
    properties: { sessionExpiryInterval: options.sessionExpirySeconds ?? 0 },
    ...(options.will === undefined ? {} : { will: options.will }),
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: Buffer.from(decodeURIComponent(password)) }),
  };
}
