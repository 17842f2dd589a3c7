import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import mqttPacket from 'mqtt-packet';
import type { Packet } from 'mqtt-packet';
import { FrameSplitter } from '../core/frames.ts';
import type { Trace } from '../core/trace.ts';
import { Arrivals } from './arrivals.ts';
import { decodePacket, openSocket } from './wire.ts';

export interface TapEvent {
  readonly atMs: number;
  readonly from: 'subject' | 'broker';
  /** Counts the connections of the subject, from 1. */
  readonly connection: number;
  readonly packet: Packet;
}

/** What becomes of a packet: unchanged (undefined), gone, or other packets instead. */
export type TapAction = 'drop' | readonly Packet[] | undefined;

/** Stands between a subject and its broker: passes on byte for byte, sees every packet, and can lose or change some. */
export class Tap {
  readonly url: string;
  /** Looks at every packet before it is passed on. */
  intercept: ((event: TapEvent) => TapAction) | undefined;
  readonly #server: Server;
  readonly #upstream: string;
  readonly #ca: string | undefined;
  readonly #name: string;
  readonly #traces = new Set<Trace>();
  readonly #sockets = new Set<Socket>();
  readonly #arrivals = new Arrivals<TapEvent>();
  #newest: Socket | undefined;
  #connections = 0;

  static async open(upstream: string, name: string, ca?: string): Promise<Tap> {
    const server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Tap(server, upstream, name, ca);
  }

  private constructor(server: Server, upstream: string, name: string, ca: string | undefined) {
    this.#server = server;
    this.#upstream = upstream;
    this.#name = name;
    this.#ca = ca;
    const login = new URL(upstream);
    const who = login.username === '' ? '' : `${login.username}:${login.password}@`;
    this.url = `mqtt://${who}127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (socket) => this.#connect(socket));
  }

  /** Adds every packet to a trace too, until `untrace`. */
  trace(trace: Trace): void {
    this.#traces.add(trace);
  }

  untrace(trace: Trace): void {
    this.#traces.delete(trace);
  }

  /** Packets that the subject wrote, in order. */
  sent<C extends Packet['cmd']>(cmd: C): Extract<Packet, { cmd: C }>[] {
    return this.events
      .filter(({ from, packet }) => from === 'subject' && packet.cmd === cmd)
      .map(({ packet }) => packet as Extract<Packet, { cmd: C }>);
  }

  get events(): readonly TapEvent[] {
    return this.#arrivals.items;
  }

  /** The first event from index `from` on that matches, seen already or yet to come; fails when none comes in time. */
  async until(
    what: string,
    matches: (event: TapEvent) => boolean,
    timeoutMs: number,
    from = 0,
  ): Promise<TapEvent> {
    const event = await this.#arrivals.find(matches, timeoutMs, from);
    if (event === undefined) throw new Error(`no ${what} within ${timeoutMs} ms`);
    return event;
  }

  /** Writes a packet to the subject as if the broker had. */
  toSubject(packet: Packet): void {
    this.#newest?.write(mqttPacket.generate(packet, { protocolVersion: 5 }));
    const atMs = performance.now();
    for (const trace of this.#traces) trace.add({ atMs, from: 'kit (as broker)', to: this.#name, packet });
  }

  /** Cuts the network: the broker sees a loss without DISCONNECT, and so does the subject. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  #connect(subject: Socket): void {
    this.#connections += 1;
    const connection = this.#connections;
    this.#newest = subject;
    const broker = openSocket(this.#upstream, this.#ca);
    const state = { version: 5 };
    this.#pass(subject, broker, 'subject', connection, state);
    this.#pass(broker, subject, 'broker', connection, state);
  }

  #pass(
    source: Socket,
    target: Socket,
    from: 'subject' | 'broker',
    connection: number,
    state: { version: number },
  ): void {
    this.#sockets.add(source);
    const splitter = new FrameSplitter();
    source.on('data', (chunk: Buffer) => {
      for (const frame of splitter.push(chunk)) this.#frame(frame, target, from, connection, state);
    });
    source.on('end', () => target.end());
    source.on('error', () => target.destroy());
    source.on('close', () => {
      this.#sockets.delete(source);
      target.end();
    });
  }

  #frame(
    frame: Buffer,
    target: Socket,
    from: 'subject' | 'broker',
    connection: number,
    state: { version: number },
  ): void {
    const packet = decodePacket(frame, state.version);
    let action: TapAction;
    if (packet !== undefined) {
      if (packet.cmd === 'connect') state.version = packet.protocolVersion ?? 4;
      const event: TapEvent = { atMs: performance.now(), from, connection, packet };
      action = this.intercept?.(event);
      this.#arrivals.push(event);
      const label = `${this.#name}${connection > 1 ? `#${connection}` : ''}`;
      const [sender, receiver] = from === 'subject' ? [label, 'broker'] : ['broker', label];
      for (const trace of this.#traces) trace.add({ atMs: event.atMs, from: sender, to: receiver, packet });
    }
    if (action === undefined) target.write(frame);
    else if (action !== 'drop')
      for (const other of action)
        target.write(mqttPacket.generate(other, { protocolVersion: state.version }));
  }
}
