import { parser, type Packet } from 'mqtt-packet';

import { decodePacket } from '../src/core/codec/decode.ts';
import { FrameSplitter } from '../src/core/codec/frame-splitter.ts';
import { NO_PROPERTIES } from '../src/core/codec/properties.ts';
import type { Context } from '../src/core/context.ts';
import { createEngine, type Engine, type EngineOptions } from '../src/core/engine.ts';
import { noJournal } from '../src/core/journal.ts';
import type {
  ClientPacket,
  ConnectPacket,
  MessageProperties,
  PublishPacket,
  Qos,
  SubscribeEntry,
  WillPacket,
} from '../src/core/packets.ts';
import type { Admitted, Connection, ConnectionPort } from '../src/core/session.ts';
import { defaultLimits, type BrokerLimits } from '../src/io/limits.ts';

/** What the engine sent to one client, read with another codec than its own. */
export class FakePort implements ConnectionPort {
  readonly packets: Packet[] = [];
  closed = false;
  writable = true;
  private readonly parser;

  constructor(version: 4 | 5) {
    this.parser = parser({ protocolVersion: version });
    this.parser.on('packet', (packet) => this.packets.push(packet));
    this.parser.on('error', (error) => {
      throw error;
    });
  }

  send(bytes: Buffer): void {
    this.parser.parse(bytes);
  }

  close(): void {
    this.closed = true;
  }

  canWrite(): boolean {
    return this.writable;
  }

  take(cmd: Packet['cmd']): Packet[] {
    const taken = this.packets.filter((packet) => packet.cmd === cmd);
    for (const packet of taken) this.packets.splice(this.packets.indexOf(packet), 1);
    return taken;
  }

  /** Payloads received since the last call. */
  payloads(): string[] {
    return this.take('publish').map((packet) => ('payload' in packet ? packet.payload.toString() : ''));
  }
}

export interface FakeClient {
  readonly port: FakePort;
  readonly connection: Connection;
  send(packet: ClientPacket): void;
  subscribe(filter: string, entry?: Partial<SubscribeEntry>, subscriptionId?: number): void;
  publish(topic: string, payload: string, options?: Partial<PublishPacket>): void;
  puback(packetId: number): void;
  /** The network connection breaks. */
  drop(): void;
  disconnect(reasonCode?: number): void;
}

export interface Harness {
  readonly engine: Engine;
  /** Moments asked for, by client id. */
  readonly scheduled: Map<string, number>;
  now: number;
  connect(clientId: string, packet?: Partial<ConnectPacket>, admission?: Partial<Admitted>): FakeClient;
  /** Moves the clock and does what is due on the way. */
  advance(ms: number): void;
  /** What the engine does later waits for `turn`. Default false: it is done before the next packet. */
  holdsTurns: boolean;
  /** Does what waited, and not what that asks for again. */
  turn(): void;
}

export const properties = (fields: Partial<MessageProperties>): MessageProperties => ({
  ...NO_PROPERTIES,
  ...fields,
});

export const will = (topic: string, payload: string, fields: Partial<WillPacket> = {}): WillPacket => ({
  topic,
  payload: Buffer.from(payload),
  qos: 1,
  retain: false,
  properties: NO_PROPERTIES,
  ...fields,
});

export const connectPacket = (clientId: string, fields: Partial<ConnectPacket> = {}): ConnectPacket => ({
  type: 'connect',
  version: 5,
  cleanStart: true,
  keepAliveSeconds: 0,
  clientId,
  will: undefined,
  username: undefined,
  password: undefined,
  sessionExpirySeconds: 0,
  receiveMaximum: 65_535,
  maximumPacketBytes: Infinity,
  topicAliasMaximum: 0,
  requestProblemInformation: true,
  requestResponseInformation: false,
  authenticationMethod: undefined,
  userProperties: [],
  ...fields,
});

export function createHarness(
  options: Partial<Omit<EngineOptions, 'limits'>> & { limits?: Partial<BrokerLimits> } = {},
): Harness {
  const scheduled = new Map<string, number>();
  const steps: ((cx: Context) => void)[] = [];
  const engine = createEngine({
    registry: undefined,
    journal: noJournal,
    authorize: undefined,
    responseInformation: undefined,
    ...options,
    events: {
      schedule: (clientId, atMs) =>
        atMs === undefined ? scheduled.delete(clientId) : scheduled.set(clientId, atMs),
      log: () => undefined,
      later: (step) => void steps.push(step),
    },
    limits: { ...defaultLimits, ...options.limits },
  });
  const harness: Harness = {
    engine,
    scheduled,
    now: 1_000_000,
    connect: (clientId, packet = {}, admission = {}) =>
      fakeClient(harness, connectPacket(clientId, packet), admission),
    advance(ms) {
      const end = harness.now + ms;
      for (;;) {
        const due = [...scheduled].filter(([, at]) => at <= end).toSorted(([, a], [, b]) => a - b)[0];
        if (due === undefined) break;
        harness.now = Math.max(harness.now, due[1]);
        scheduled.delete(due[0]);
        engine.expire(due[0], harness.now);
      }
      harness.now = end;
    },
    holdsTurns: false,
    turn() {
      for (const step of steps.splice(0)) engine.step(harness.now, step);
      while (!harness.holdsTurns && steps.length > 0) harness.turn();
    },
  };
  return harness;
}

function fakeClient(harness: Harness, packet: ConnectPacket, admission: Partial<Admitted>): FakeClient {
  const { engine } = harness;
  const port = new FakePort(packet.version);
  const admitted = {
    username: packet.username,
    holder: undefined,
    bound: false,
    mount: '',
    expiresAtMs: Infinity,
    ...admission,
  };
  const connection = engine.connect(port, packet, 'assigned', harness.now, admitted) as Connection;
  let nextId = 1;
  const send = (sent: ClientPacket): void => {
    engine.receive(connection, sent, harness.now);
    if (!harness.holdsTurns) harness.turn();
  };
  return {
    port,
    connection,
    send,
    subscribe: (filter, entry = {}, subscriptionId) =>
      send({
        type: 'subscribe',
        packetId: nextId++,
        subscriptionId,
        entries: [{ filter, qos: 2, noLocal: false, retainAsPublished: false, retainHandling: 0, ...entry }],
      }),
    publish: (topic, payload, fields = {}) =>
      send({
        type: 'publish',
        topic,
        payload: Buffer.from(payload),
        qos: 1 as Qos,
        dup: false,
        retain: false,
        packetId: nextId++,
        properties: NO_PROPERTIES,
        ...fields,
      }),
    puback: (packetId) => send({ type: 'puback', packetId, reasonCode: 0 }),
    drop: () => engine.lost(connection, harness.now),
    disconnect: (reasonCode = 0) => send({ type: 'disconnect', reasonCode, sessionExpirySeconds: undefined }),
  };
}

/** Decodes what a client would send. */
export function decodeAll(bytes: Buffer, version?: 4 | 5): ClientPacket[] {
  const packets: ClientPacket[] = [];
  new FrameSplitter(1024 * 1024).push(bytes, (data, start, bodyStart, end) => {
    packets.push(decodePacket(data, start, bodyStart, end, version));
    return true;
  });
  return packets;
}
