import { decodePacket } from '../core/codec/decode.ts';
import { sniffVersion } from '../core/codec/decode-connect.ts';
import { FrameSplitter } from '../core/codec/frame-splitter.ts';
import { refuse } from '../core/connect.ts';
import type { ClientPacket, ConnectPacket } from '../core/packets.ts';
import { PacketError, Reason } from '../core/reason-codes.ts';
import type { Connection, ConnectionPort } from '../core/session.ts';
import type { CommitWaiter } from './commit-gate.ts';
import type { Flushable } from './flusher.ts';
import type { Server } from './server.ts';
import type { Transport, TransportEvents } from './transport.ts';

const HIGH_WATER_BYTES = 1024 * 1024;
/** What one client may send in one turn of the event loop before the others and the writers have theirs. */
const TURN_BYTES = 128 * 1024;

/** Why reading is stopped; it goes on when no reason is left. */
const Pause = { authenticating: 1, unwritten: 2, storeFull: 4, turn: 8 } as const;
const CLOSE_TIMEOUT_MS = 2_000;

interface Held {
  readonly epoch: number;
  readonly bytes: Buffer;
}

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
  private out: Buffer[] = [];
  private outBytes = 0;
  private held: Held[] = [];
  private heldBytes = 0;
  private blocked = false;
  private flushing = false;
  private paused = 0;
  private turn = 0;
  private turnBytes = 0;
  private early: ClientPacket[] = [];
  private closeTimer: NodeJS.Timeout | undefined;

  constructor(server: Server, now: number) {
    this.server = server;
    this.openedAtMs = now;
    this.lastReceivedAtMs = now;
    this.splitter = new FrameSplitter(server.maxPacketBytes);
  }

  attach(transport: Transport): void {
    this.transport = transport;
  }

  get isOpen(): boolean {
    return this.state === 'open';
  }

  get remote(): string {
    return this.transport?.remote ?? '';
  }

  // From the transport

  onData(chunk: Buffer): void {
    if (this.state === 'closing' || this.state === 'closed') return;
    this.lastReceivedAtMs = this.server.now();
    try {
      this.splitter.push(chunk, (bytes, start, bodyStart, end) => this.onFrame(bytes, start, bodyStart, end));
    } catch (error) {
      this.fail(error);
    }
    if (this.server.gate.isFull()) {
      this.pause(Pause.storeFull);
      this.server.gate.join(this);
    }
    this.countTurn(chunk.length);
  }

  /** A flood from one client must not keep the loop from writing: libuv alone would read up to 2 MB of it in one go. */
  private countTurn(bytes: number): void {
    const { flusher } = this.server;
    if (this.turn !== flusher.turn) {
      this.turn = flusher.turn;
      this.turnBytes = 0;
    }
    this.turnBytes += bytes;
    if (this.turnBytes < TURN_BYTES) return;
    this.pause(Pause.turn);
    this.markDirty();
  }

  private pause(reason: number): void {
    if (this.paused === 0) this.transport?.pause();
    this.paused |= reason;
  }

  private resume(reason: number): void {
    if ((this.paused & reason) === 0) return;
    this.paused &= ~reason;
    if (this.paused === 0) this.transport?.resume();
  }

  onDrain(): void {
    this.unblock();
  }

  onClose(): void {
    const { core } = this;
    this.state = 'closed';
    this.core = undefined;
    this.out = [];
    this.held = [];
    clearTimeout(this.closeTimer);
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
      else if (this.core !== undefined) this.server.engine.receive(this.core, packet, this.server.now());
    }
    return this.state === 'open' || this.state === 'authenticating';
  }

  private pendingVersion: 4 | 5 = 5;

  private onConnect(bytes: Buffer, start: number, bodyStart: number, end: number): void {
    let packet: ClientPacket;
    try {
      packet = decodePacket(bytes, start, bodyStart, end);
    } catch (error) {
      this.refuseMalformed(error, bytes, start, bodyStart);
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

  private async awaitVerdict(packet: ConnectPacket, verdict: Promise<number>): Promise<void> {
    this.state = 'authenticating';
    this.pause(Pause.authenticating);
    let reasonCode: number = Reason.serverUnavailable;
    try {
      reasonCode = await verdict;
    } catch (error) {
      this.server.logger.error('authenticate failed', { error: String(error) });
    }
    if (!this.isAuthenticating()) return;
    this.enter(packet, reasonCode);
    this.handleEarly();
    this.resume(Pause.authenticating);
  }

  private isAuthenticating(): boolean {
    return this.state === 'authenticating';
  }

  private handleEarly(): void {
    const early = this.early;
    this.early = [];
    try {
      for (const packet of early) {
        if (this.state === 'open' && this.core !== undefined)
          this.server.engine.receive(this.core, packet, this.server.now());
      }
    } catch (error) {
      this.fail(error);
    }
  }

  private enter(packet: ConnectPacket, reasonCode: number): void {
    if (reasonCode !== Reason.success) {
      refuse(this, packet, { reasonCode, reason: 'connection not allowed' });
      return;
    }
    this.state = 'open';
    this.core = this.server.engine.connect(this, packet, this.server.newClientId(), this.server.now());
    if (this.core !== undefined)
      this.server.logger.debug('client connected', {
        clientId: this.core.session.clientId,
        remote: this.remote,
      });
  }

  private refuseMalformed(error: unknown, bytes: Buffer, start: number, bodyStart: number): void {
    if (!(error instanceof PacketError)) throw error;
    this.server.logger.info('CONNECT refused', { remote: this.remote, reason: error.message });
    const isConnect = (bytes[start] as number) >> 4 === 1;
    const level = isConnect ? sniffVersion(bytes, bodyStart) : undefined;
    if (level === 5 || error.reasonCode === Reason.unsupportedProtocolVersion) {
      const version = level !== undefined && level >= 5 ? 5 : 4;
      refuse(
        this,
        { version, requestProblemInformation: true },
        { reasonCode: error.reasonCode, reason: error.message },
      );
    } else this.close();
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

  send(bytes: Buffer, afterCommit: boolean): void {
    if (this.state === 'closed' || this.state === 'closing') return;
    const { gate } = this.server;
    if (this.held.length > 0 || (afterCommit && !gate.isClean())) {
      this.held.push({
        epoch: afterCommit ? gate.epoch : (this.held[this.held.length - 1] as Held).epoch,
        bytes,
      });
      this.heldBytes += bytes.length;
      if (afterCommit) gate.join(this);
      if (this.heldBytes > HIGH_WATER_BYTES) this.pause(Pause.unwritten);
      return;
    }
    this.push(bytes);
  }

  canWrite(): boolean {
    if (this.outBytes + this.heldBytes + (this.transport?.bufferedBytes() ?? 0) < HIGH_WATER_BYTES)
      return true;
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
    let released = 0;
    while (released < this.held.length && (this.held[released] as Held).epoch <= epoch) {
      const { bytes } = this.held[released++] as Held;
      this.heldBytes -= bytes.length;
      this.push(bytes);
    }
    if (released > 0) this.held = this.held.slice(released);
    if (this.held.length === 0) this.resume(Pause.unwritten);
    if (!this.server.gate.isFull()) this.resume(Pause.storeFull);
    else if ((this.paused & Pause.storeFull) !== 0) this.server.gate.join(this);
  }

  private push(bytes: Buffer): void {
    this.out.push(bytes);
    this.outBytes += bytes.length;
    this.markDirty();
  }

  private markDirty(): void {
    if (this.flushing) return;
    this.flushing = true;
    this.server.flusher.add(this);
  }

  flush(): void {
    this.flushing = false;
    if (this.state === 'closed') return;
    this.resume(Pause.turn);
    if (this.out.length > 0) {
      const { out, outBytes } = this;
      this.out = [];
      this.outBytes = 0;
      this.transport?.write(out, outBytes);
    }
    if (this.state === 'closing') {
      if (this.held.length === 0) this.transport?.end();
    } else this.unblock();
  }

  private unblock(): void {
    if (!this.blocked || this.core === undefined || this.state !== 'open') return;
    this.blocked = false;
    if (this.canWrite()) this.server.engine.writable(this.core, this.server.now());
  }

  /** Says goodbye without telling the core: for the end of the whole broker. */
  leave(bytes: Buffer): void {
    if (this.core?.version === 5) this.send(bytes, false);
    this.core = undefined;
    this.close();
  }

  destroy(): void {
    this.transport?.destroy();
  }
}
