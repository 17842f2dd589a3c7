import { randomBytes } from 'node:crypto';

import { methodRefusal } from '../core/connect.ts';
import type { Engine } from '../core/engine.ts';
import type { ClientPacket, ConnectPacket, WillPacket } from '../core/packets.ts';
import { RateTable } from '../core/rate-table.ts';
import { Reason } from '../core/reason-codes.ts';
import type { ClientIdentity, Connection } from '../core/session.ts';
import type { ConnectRequest, Verdict } from './auth/door.ts';
import { ClientConnection } from './client-connection.ts';
import type { CommitGate } from './commit-gate.ts';
import type { CardTrust } from './card-trust.ts';
import type { Flusher } from './flusher.ts';
import type { BrokerLimits } from './limits.ts';
import type { Logger } from './logger.ts';
import { NOTHING_REVOKED, type RevocationLists } from './revocation-lists.ts';
import type { Transport, TransportEvents } from './transport.ts';

export interface ServerOptions {
  readonly engine: Engine;
  readonly gate: CommitGate;
  readonly flusher: Flusher;
  readonly logger: Logger;
  readonly door: (request: ConnectRequest) => Verdict | Promise<Verdict>;
  readonly limits: BrokerLimits;
  /** Gets the keys that a card needs before it is judged. */
  readonly trust: CardTrust | undefined;
  readonly now: () => number;
}

const GOODBYE_MS = 500;
const DRAIN_POLL_MS = 20;
const REVOKED = 'client certificate: it is revoked';

/** All connections of a broker and what they share. */
export class Server {
  readonly engine: Engine;
  readonly gate: CommitGate;
  readonly flusher: Flusher;
  readonly logger: Logger;
  readonly now: () => number;
  readonly maxPacketBytes: number;
  readonly connectTimeoutMs: number;
  readonly limits: BrokerLimits;
  private readonly byAddress: RateTable;
  private readonly byClientId: RateTable;
  readonly traffic = { bytesReceived: 0, bytesSent: 0, connectionsRefused: 0 };
  private readonly options: ServerOptions;
  private onForget: (() => void) | undefined;
  private readonly connections = new Set<ClientConnection>();
  private revoked = NOTHING_REVOKED;

  constructor(options: ServerOptions) {
    this.options = options;
    this.engine = options.engine;
    this.gate = options.gate;
    this.flusher = options.flusher;
    this.logger = options.logger;
    this.now = options.now;
    this.limits = options.limits;
    this.connectTimeoutMs = options.limits.connectTimeoutMs;
    this.byAddress = new RateTable(options.limits.maxConnectsPerAddressPerSecond, 'second');
    this.byClientId = new RateTable(options.limits.maxConnectsPerClientIdPerSecond, 'second');
    this.maxPacketBytes = options.engine.context.limits.maxPacketBytes;
  }

  open(makeTransport: (events: TransportEvents) => Transport): void {
    const connection = new ClientConnection(this, this.now());
    this.connections.add(connection);
    connection.attach(makeTransport(connection));
  }

  forget(connection: ClientConnection): void {
    this.connections.delete(connection);
    this.onForget?.();
  }

  newClientId(): string {
    return `auto-${randomBytes(12).toString('hex')}`;
  }

  admit(packet: ConnectPacket, connection: ClientConnection): Verdict | Promise<Verdict> {
    const { door, limits } = this.options;
    if (this.connections.size > limits.maxConnections) {
      return { refusal: { reasonCode: Reason.serverBusy, reason: 'too many connections: try again later' } };
    }
    const method = methodRefusal(packet);
    if (method !== undefined) return { refusal: method };
    const { clientId, username, password } = packet;
    const { remote, certificate } = connection;
    // Its handshake may have been checked with older lists.
    if (certificate !== undefined && this.revoked.has(certificate))
      return { refusal: { reasonCode: Reason.notAuthorized, reason: REVOKED } };
    if (!this.isInRate(clientId, remote)) {
      return {
        refusal: { reasonCode: Reason.connectionRateExceeded, reason: 'too many CONNECTs: wait a second' },
      };
    }
    const verdict = door({ clientId, username, password, remote, certificate });
    return this.options.trust === undefined || packet.will === undefined
      ? verdict
      : this.vetWill(packet.will, verdict);
  }

  private isInRate(clientId: string, remote: string): boolean {
    const now = this.now();
    const address = remote.replace(/:\d+$/, '');
    if (!this.byAddress.tryTake(address, now)) return false;
    return clientId === '' || this.byClientId.tryTake(clientId, now);
  }

  /** Keys are fetched for nobody who is not let in. */
  private async vetWill(will: WillPacket, pending: Verdict | Promise<Verdict>): Promise<Verdict> {
    const verdict = await pending;
    if (verdict.refusal === undefined) await this.vetCard(will.topic, will.payload);
    return verdict;
  }

  /** Undefined when the packet can be handled at once. */
  vet(core: Connection, packet: ClientPacket): Promise<void> | undefined {
    if (this.options.trust === undefined || packet.type !== 'publish') return undefined;
    const topic = packet.topic === '' ? core.aliases.get(packet.properties.topicAlias ?? 0) : packet.topic;
    return this.vetCard(core.mount + (topic ?? ''), packet.payload);
  }

  private vetCard(topic: string, payload: Buffer): Promise<void> | undefined {
    const { trust } = this.options;
    if (trust === undefined || payload.length === 0) return undefined;
    if (this.engine.context.registry?.parseTopic(topic) === undefined) return undefined;
    // The packet's memory is not reused, so the payload stays as it is.
    return trust.vet(payload);
  }

  /** Ends connections that are silent for longer than they promised (MQTT 5 §3.1.2.10), or never said CONNECT. */
  sweep(): void {
    const now = this.now();
    for (const connection of this.connections) {
      const { core } = connection;
      if (core === undefined) {
        if (now - connection.openedAtMs > this.connectTimeoutMs) connection.destroy();
      } else if (now >= core.expiresAtMs) {
        this.engine.disconnect(core, Reason.notAuthorized, 'credential: its time is over', now);
      } else if (connection.isHeldBack()) {
        connection.lastReceivedAtMs = now;
      } else if (
        core.keepAliveSeconds > 0 &&
        now - connection.lastReceivedAtMs > core.keepAliveSeconds * 1500
      ) {
        this.engine.disconnect(
          core,
          Reason.keepAliveTimeout,
          'nothing received within 1.5 times the keep alive',
          now,
        );
      }
    }
  }

  /** Returns how many were ended. */
  disconnect(which: (client: ClientIdentity) => boolean, reason: string): number {
    const chosen = [...this.connections].flatMap(({ core }) =>
      core !== undefined && which(core.identity) ? [core] : [],
    );
    for (const core of chosen) this.engine.disconnect(core, Reason.notAuthorized, reason, this.now());
    return chosen.length;
  }

  /** Ends connections whose subscriptions the rules of now forbid. Returns how many. */
  recheck(): number {
    let ended = 0;
    for (const { core } of this.connections) {
      if (core !== undefined && this.engine.recheck(core, this.now())) ended++;
    }
    return ended;
  }

  /** Ends connections whose certificate is on the lists, also those that are not let in yet. Returns how many. */
  disconnectRevoked(revoked: RevocationLists): number {
    this.revoked = revoked;
    const chosen = [...this.connections].filter(
      ({ certificate }) => certificate !== undefined && revoked.has(certificate),
    );
    for (const connection of chosen) {
      const { core } = connection;
      if (core === undefined) connection.destroy();
      else this.engine.disconnect(core, Reason.notAuthorized, REVOKED, this.now());
    }
    return chosen.length;
  }

  /** Resolves when nothing waits for a client that is connected, or after the timeout. */
  async drain(timeoutMs: number): Promise<void> {
    const endsAtMs = this.now() + timeoutMs;
    while (this.now() < endsAtMs && this.isBusy()) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
    }
  }

  private isBusy(): boolean {
    for (const { core } of this.connections) {
      if (core === undefined) continue;
      const { session, backlog } = core;
      if (session.queue.length + session.inflight.size + backlog.length > 0) return true;
    }
    return false;
  }

  /** Says goodbye to everyone. Wills stay where they are: with a store, the next start sends them. */
  async closeAll(): Promise<void> {
    for (const connection of this.connections) connection.leave();
    const deadline = setTimeout(() => this.destroyAll(), GOODBYE_MS);
    while (this.connections.size > 0) await new Promise<void>((resolve) => (this.onForget = resolve));
    clearTimeout(deadline);
  }

  destroyAll(): void {
    for (const connection of this.connections) connection.destroy();
  }
}
