import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';

import type { Action, ClientIdentity, Context } from '../core/context.ts';
import { createEngine, type Engine } from '../core/engine.ts';
import { noJournal } from '../core/journal.ts';
import { validateJsonObject, validateRequiredFields } from '../core/registry/minimal-card.ts';
import { createRegistry } from '../core/registry/registry.ts';
import { BrokerError } from './broker-error.ts';
import { openGate } from './commit-gate.ts';
import { Flusher } from './flusher.ts';
import { defaultLimits, type BrokerLimits } from './limits.ts';
import {
  listenTcp,
  listenWebSocket,
  type Address,
  type Listener,
  type ListenerOptions,
} from './listeners.ts';
import { silentLogger, type Logger } from './logger.ts';
import { Server, type Authenticate } from './server.ts';
import { Timers } from './timers.ts';
import { streamTransport } from './transport.ts';

export interface RegistrySettings {
  /** Default true. */
  readonly enabled?: boolean;
  /** Default true; false accepts any JSON object as a card. */
  readonly validateSchema?: boolean;
  /** `emqx` behaves as EMQX 6.2 does: silent rejection, no push. Default `shoal`. */
  readonly profile?: 'shoal' | 'emqx';
  /** Delivers a card again when its agent comes or goes. Default true. */
  readonly pushPresence?: boolean;
}

export interface BrokerOptions {
  /** `false` leaves a listener out. Default: TCP on 127.0.0.1, any free port; no WebSocket. */
  readonly listen?: { readonly tcp?: ListenerOptions | false; readonly ws?: ListenerOptions | false };
  readonly registry?: RegistrySettings;
  readonly limits?: Partial<BrokerLimits>;
  /** Unset: anyone may connect. */
  readonly authenticate?: Authenticate;
  /** Asked for every publish and every subscription; called in the middle of packet handling, so it must be quick. Unset: all allowed. */
  readonly authorize?: (client: ClientIdentity, action: Action, topic: string) => boolean;
  readonly logger?: Logger;
}

export interface BrokerAddresses {
  readonly tcp?: Address;
  readonly ws?: Address;
}

export interface BrokerStats {
  readonly connections: number;
  readonly sessions: number;
  readonly subscriptions: number;
  readonly retained: number;
  readonly messagesReceived: number;
  readonly messagesSent: number;
  readonly messagesDropped: number;
  readonly publishesRefused: number;
}

export interface Broker {
  /** Changes with every start of the broker; also retained on `$SYS/broker/boot-id`. */
  readonly bootId: string;
  /** Opens the listeners. Rejects with BrokerError `listen-failed`, `already-started`. */
  start(): Promise<BrokerAddresses>;
  /** Says goodbye to all clients (0x8B) and closes everything. Stopping twice is fine. */
  stop(): Promise<void>;
  stats(): BrokerStats;
  /** Serves a client on a stream of the same process, without a socket. The broker closes it. */
  handle(stream: Duplex): void;
}

const VERSION = '0.0.0';
const STATISTICS_EVERY_MS = 10_000;
const SWEEP_EVERY_MS = 1_000;
const RETAINED_SWEEP_EVERY = 30;

function createRegistryOf(
  settings: RegistrySettings,
  limits: BrokerLimits,
  sessions: Context['sessions'],
): Context['registry'] {
  if (settings.enabled === false) return undefined;
  return createRegistry({
    profile: settings.profile ?? 'shoal',
    pushPresence: settings.pushPresence ?? true,
    validateCard: settings.validateSchema === false ? validateJsonObject : validateRequiredFields,
    maxCardBytes: limits.maxCardBytes,
    isConnected: (clientId) => sessions.get(clientId)?.connection !== undefined,
  });
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host.startsWith('127.');

class EmbeddedBroker implements Broker {
  readonly bootId = randomUUID();
  private readonly options: BrokerOptions;
  private readonly logger: Logger;
  private readonly engine: Engine;
  private readonly server: Server;
  private readonly timers: Timers;
  private listeners: Listener[] = [];
  private intervals: NodeJS.Timeout[] = [];
  private state: 'new' | 'started' | 'stopped' = 'new';

  constructor(options: BrokerOptions) {
    this.options = options;
    this.logger = options.logger ?? silentLogger;
    const limits: BrokerLimits = { ...defaultLimits, ...options.limits };
    const sessions: Context['sessions'] = new Map();
    const now = Date.now;
    this.timers = new Timers(now, (clientId) => this.engine.expire(clientId, now()));
    this.engine = createEngine({
      limits,
      sessions,
      registry: createRegistryOf(options.registry ?? {}, limits, sessions),
      journal: noJournal,
      events: {
        schedule: (clientId, atMs) => this.timers.set(clientId, atMs),
        log: (level, message, fields) => this.logger[level](message, fields),
      },
      authorize: options.authorize,
    });
    this.server = new Server({
      engine: this.engine,
      gate: openGate,
      flusher: new Flusher(openGate),
      logger: this.logger,
      authenticate: options.authenticate,
      maxConnections: limits.maxConnections,
      connectTimeoutMs: limits.connectTimeoutMs,
      now,
    });
  }

  async start(): Promise<BrokerAddresses> {
    if (this.state !== 'new')
      throw new BrokerError('already-started', 'a broker starts once: create another one');
    this.state = 'started';
    this.engine.announce('$SYS/broker/boot-id', this.bootId, Date.now());
    this.engine.announce('$SYS/broker/version', `shoal ${VERSION}`, Date.now());
    this.startIntervals();
    try {
      return await this.listen();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  private async listen(): Promise<BrokerAddresses> {
    const { tcp = {}, ws = false } = this.options.listen ?? {};
    const addresses: { tcp?: Address; ws?: Address } = {};
    if (tcp !== false) addresses.tcp = await this.addListener(listenTcp(this.server, tcp));
    if (ws !== false) addresses.ws = await this.addListener(listenWebSocket(this.server, ws));
    return addresses;
  }

  private async addListener(opening: Promise<Listener>): Promise<Address> {
    const listener = await opening;
    this.listeners.push(listener);
    const { address } = listener;
    if (this.options.authenticate === undefined && !isLoopback(address.host)) {
      this.logger.warn('anyone who reaches this address may connect: set `authenticate`', {
        url: address.url,
      });
    }
    return address;
  }

  private startIntervals(): void {
    let turns = 0;
    const sweep = setInterval(() => {
      this.server.sweep();
      if (++turns % RETAINED_SWEEP_EVERY === 0) this.engine.sweep(Date.now());
    }, SWEEP_EVERY_MS);
    const statistics = setInterval(() => this.announceStatistics(), STATISTICS_EVERY_MS);
    this.intervals = [sweep, statistics];
    for (const interval of this.intervals) interval.unref();
    this.announceStatistics();
  }

  private announceStatistics(): void {
    const stats = this.stats();
    const topics: Record<string, number> = {
      'clients/connected': stats.connections,
      'clients/total': stats.sessions,
      'subscriptions/count': stats.subscriptions,
      'retained messages/count': stats.retained,
      'messages/received': stats.messagesReceived,
      'messages/sent': stats.messagesSent,
      'messages/dropped': stats.messagesDropped,
    };
    for (const [name, value] of Object.entries(topics))
      this.engine.announce(`$SYS/broker/${name}`, String(value), Date.now());
  }

  async stop(): Promise<void> {
    if (this.state === 'stopped') return;
    this.state = 'stopped';
    for (const interval of this.intervals) clearInterval(interval);
    const closing = this.listeners.map((listener) => listener.close());
    const connections = this.server.closeAll();
    this.timers.clear();
    await new Promise((resolve) => setTimeout(resolve, connections.length > 0 ? 20 : 0));
    for (const connection of connections) connection.destroy();
    await Promise.all(closing);
  }

  stats(): BrokerStats {
    const { context, stats } = this.engine;
    return {
      connections: stats.connections,
      sessions: context.sessions.size,
      subscriptions: context.subscriptions.count,
      retained: context.retained.count,
      messagesReceived: stats.messagesReceived,
      messagesSent: stats.messagesSent,
      messagesDropped: stats.messagesDropped,
      publishesRefused: stats.publishesRefused,
    };
  }

  handle(stream: Duplex): void {
    this.server.open((events) => streamTransport(stream, 'in-process', events));
  }
}

/** A broker with its state in memory. Nothing is opened before `start`. */
export function createBroker(options: BrokerOptions = {}): Broker {
  return new EmbeddedBroker(options);
}
