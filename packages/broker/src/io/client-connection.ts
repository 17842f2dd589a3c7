import { sendDisconnect } from '../core/answers.ts';
import { decodePacket } from '../core/codec/decode.ts';
import { FrameSplitter } from '../core/codec/frame-splitter.ts';
import { refuse } from '../core/connect.ts';
import type { ClientPacket, ConnectPacket } from '../core/packets.ts';
import { PacketError, Reason } from '../core/reason-codes.ts';
import type { Connection, ConnectionPort } from '../core/session.ts';
import type { Stake } from '../core/stake.ts';
import type { Verdict } from './auth/door.ts';
import type { CommitWaiter } from './commit-gate.ts';
import type { Flushable } from './flusher.ts';
import { refuseMalformed } from './first-packet.ts';
import { Outbox } from './outbox.ts';
import { Pause, ReadGate } from './read-gate.ts';
import type { Server } from './server.ts';
import { Throttle } from './throttle.ts';
import type { ClientCertificate } from './tls.ts';
import type { Transport, TransportEvents } from './transport.ts';

const HIGH_WATER_BYTES = 1024 * 1024;
/** A part of a packet that is at least so long counts for the keep alive like a whole one: a large packet may take its time, a trickle not. */
const PROGRESS_BYTES = 1_000;
const CLOSE_TIMEOUT_MS = 2_000;
type State = 'connecting' | 'authenticating' | 'open' | 'closing' | 'closed';

/** One client: its bytes in, its packets out. */
export class ClientConnection implements ConnectionPort, Flushable, CommitWaiter, TransportEvents {
  readonly server: Server;
  readonly openedAtMs: number;
  lastReceivedAtMs: number;
  core: Connection | undefined;
  private transport: Transport | undefined;
  private readonly splitter: FrameSplitter;
  private state: State = 'connecting';
  private readonly outbox: Outbox;
  private blocked = false;
  private flushing = false;
  private readonly reading = new ReadGate(
    () => this.transport?.pause(),
    () => this.transport?.resume(),
  );
  private early: ClientPacket[] = [];
  private closeTimer: NodeJS.Timeout | undefined;
  private readonly throttle: Throttle | undefined;
  private rateTimer: NodeJS.Timeout | undefined;

  constructor(server: Server, now: number) {
    this.server = server;
    this.openedAtMs = now;
    this.lastReceivedAtMs = now;
    this.splitter = new FrameSplitter(server.maxPacketBytes);
    this.throttle = Throttle.create(server.limits, now);
    this.outbox = new Outbox(server.gate, this, () => this.markDirty());
  }

  attach(transport: Transport): void {
    this.transport = transport;
  }

  get remote(): string {
    return this.transport?.peer.remote ?? '';
  }

  get certificate(): ClientCertificate | undefined {
    return this.transport?.peer.certificate;
  }

  /** This side does not read at the moment, so silence of the client means nothing. */
  isHeldBack(): boolean {
    return this.reading.isPausedFor(Pause.authenticating | Pause.unwritten | Pause.storeFull | Pause.rate);
  }

  // From the transport

  onData(chunk: Buffer): void {
    if (this.state === 'closing' || this.state === 'closed') return;
    this.server.traffic.bytesReceived += chunk.length;
    let alive = chunk.length >= PROGRESS_BYTES;
    const published = this.server.engine.stats.messagesReceived;
    try {
      this.splitter.push(chunk, (bytes, start, bodyStart, end) => {
        alive = true;
        return this.onFrame(bytes, start, bodyStart, end);
      });
    } catch (error) {
      this.fail(error);
    }
    if (alive) this.lastReceivedAtMs = this.server.now();
    if (this.server.gate.isFull()) {
      this.reading.pause(Pause.storeFull);
      this.server.gate.join(this);
    }
    if (this.throttle !== undefined) {
      this.slowDown(this.throttle, this.server.engine.stats.messagesReceived - published, chunk.length);
    }
    if (this.reading.count(chunk.length, this.server.flusher.turn)) this.markDirty();
  }

  private slowDown(throttle: Throttle, publishes: number, bytes: number): void {
    const waitMs = throttle.count(publishes, bytes, this.server.now());
    if (waitMs === 0) return;
    this.reading.pause(Pause.rate);
    clearTimeout(this.rateTimer);
    this.rateTimer = setTimeout(() => this.reading.resume(Pause.rate), waitMs);
    this.rateTimer.unref();
  }

  onDrain(): void {
    this.unblock();
  }

  onClose(): void {
    const { core } = this;
    this.state = 'closed';
    this.core = undefined;
    this.outbox.clear();
    clearTimeout(this.closeTimer);
    clearTimeout(this.rateTimer);
    this.server.forget(this);
    if (core !== undefined) this.server.engine.lost(core, this.server.now());
  }

  private onFrame(bytes: Buffer, start: number, bodyStart: number, end: number): boolean {
    if (this.state === 'connecting') {
      this.onConnect(bytes, start, bodyStart, end);
    } else {
      const version = this.core?.version ?? this.pendingVersion;
      const packet = decodePacket(bytes, start, bodyStart, end, version);
      if (this.state === 'authenticating') this.early.push(packet);
      else this.receive(packet);
    }
    return this.state === 'open' || this.state === 'authenticating';
  }

  private pendingVersion: 4 | 5 = 5;

  private onConnect(bytes: Buffer, start: number, bodyStart: number, end: number): void {
    let packet: ClientPacket;
    try {
      packet = decodePacket(bytes, start, bodyStart, end);
    } catch (error) {
      if (error instanceof PacketError)
        this.server.logger.info('CONNECT refused', { remote: this.remote, reason: error.message });
      refuseMalformed(this, error, bytes, start, bodyStart);
      return;
    }
    this.pendingVersion = (packet as ConnectPacket).version;
    const verdict = this.server.admit(packet as ConnectPacket, this);
    if (!(verdict instanceof Promise)) {
      this.enter(packet as ConnectPacket, verdict);
      return;
    }
    void this.awaitVerdict(packet as ConnectPacket, verdict);
  }

  private async awaitVerdict(packet: ConnectPacket, pending: Promise<Verdict>): Promise<void> {
    this.state = 'authenticating';
    this.reading.pause(Pause.authenticating);
    const verdict = await pending;
    if (!this.isAuthenticating()) return;
    try {
      this.enter(packet, verdict);
    } catch (error) {
      this.fail(error);
    }
    this.handleEarly();
    if (!this.isAuthenticating()) this.reading.resume(Pause.authenticating);
  }

  private isAuthenticating(): boolean {
    return this.state === 'authenticating';
  }

  private handleEarly(): void {
    try {
      for (let packet = this.early.shift(); packet !== undefined; packet = this.early.shift()) {
        this.receive(packet);
        if (this.isAuthenticating()) return;
      }
    } catch (error) {
      this.fail(error);
    }
  }

  private receive(packet: ClientPacket): void {
    const { core } = this;
    if (this.state !== 'open' || core === undefined) return;
    const pending = this.server.vet(core, packet);
    if (pending === undefined) this.server.engine.receive(core, packet, this.server.now());
    else void this.holdFor(packet, pending);
  }

  /** What comes behind a card whose keys have to be looked up waits, so that the order stays. */
  private async holdFor(packet: ClientPacket, pending: Promise<void>): Promise<void> {
    this.state = 'authenticating';
    this.reading.pause(Pause.authenticating);
    await pending;
    if (!this.isAuthenticating()) return;
    this.state = 'open';
    try {
      if (this.core !== undefined) this.server.engine.receive(this.core, packet, this.server.now());
    } catch (error) {
      this.fail(error);
    }
    this.handleEarly();
    if (!this.isAuthenticating()) this.reading.resume(Pause.authenticating);
  }

  private enter(packet: ConnectPacket, verdict: Verdict): void {
    const { clientId } = packet;
    if (verdict.refusal !== undefined) {
      this.server.traffic.connectionsRefused++;
      this.server.logger.info('CONNECT refused', { remote: this.remote, clientId, ...verdict.refusal });
      refuse(this, packet, verdict.refusal);
      return;
    }
    this.state = 'open';
    const assigned = this.server.newClientId();
    this.core = this.server.engine.connect(this, packet, assigned, this.server.now(), verdict.admitted);
    if (this.core !== undefined)
      this.server.logger.debug('client connected', {
        clientId: this.core.session.clientId,
        remote: this.remote,
      });
  }

  /** Anything that goes wrong with a packet ends this connection and nothing else. */
  private fail(error: unknown): void {
    const known = error instanceof PacketError;
    const reasonCode = known ? error.reasonCode : Reason.unspecified;
    const fields = { remote: this.remote, clientId: this.core?.session.clientId, reason: String(error) };
    if (known) this.server.logger.info('connection ended because of a packet', fields);
    else
      this.server.logger.error('a packet could not be handled', {
        ...fields,
        stack: error instanceof Error ? error.stack : undefined,
      });
    if (this.core === undefined) this.close();
    else {
      const reason = known ? error.message : undefined;
      this.server.engine.disconnect(this.core, reasonCode, reason, this.server.now());
      this.core = undefined;
    }
  }

  // From the core

  send(bytes: Buffer, after: boolean | Stake): void {
    if (this.state === 'closed' || this.state === 'closing') return;
    this.outbox.send(bytes, after);
    if (this.outbox.heldBytes > HIGH_WATER_BYTES) this.reading.pause(Pause.unwritten);
  }

  canWrite(): boolean {
    if (this.outbox.bytes + (this.transport?.bufferedBytes() ?? 0) < HIGH_WATER_BYTES) return true;
    this.blocked = true;
    return false;
  }

  close(): void {
    if (this.state === 'closed' || this.state === 'closing') return;
    this.state = 'closing';
    this.markDirty();
    this.closeTimer = setTimeout(() => this.transport?.destroy(), CLOSE_TIMEOUT_MS);
    this.closeTimer.unref();
  }

  // Writing

  committed(epoch: number): void {
    this.outbox.release(epoch);
    if (this.outbox.heldBytes === 0) this.reading.resume(Pause.unwritten);
    if (!this.server.gate.isFull()) this.reading.resume(Pause.storeFull);
    else if (this.reading.isPausedFor(Pause.storeFull)) this.server.gate.join(this);
  }

  private markDirty(): void {
    if (this.flushing) return;
    this.flushing = true;
    this.server.flusher.add(this);
  }

  flush(): void {
    this.flushing = false;
    if (this.state === 'closed') return;
    this.reading.resume(Pause.turn);
    const taken = this.outbox.take();
    if (taken !== undefined) {
      this.server.traffic.bytesSent += taken.bytes;
      this.transport?.write(taken.buffers, taken.bytes);
    }
    if (this.state === 'closing') {
      if (this.outbox.heldBytes === 0) this.transport?.end();
    } else this.unblock();
  }

  private unblock(): void {
    if (!this.blocked || this.core === undefined || this.state !== 'open') return;
    this.blocked = false;
    if (this.canWrite()) this.server.engine.writable(this.core, this.server.now());
  }

  /** Says goodbye without telling the core: for the end of the whole broker. */
  leave(): void {
    if (this.core !== undefined)
      sendDisconnect(this.core, Reason.serverShuttingDown, 'server is shutting down');
    this.core = undefined;
    this.close();
  }

  destroy(): void {
    this.transport?.destroy();
  }
}
