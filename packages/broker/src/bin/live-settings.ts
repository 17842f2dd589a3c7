import { isDeepStrictEqual } from 'node:util';

import { authorizeOf } from '../io/auth/defaults.ts';
import { BrokerError } from '../io/broker-error.ts';
import type { Broker, BrokerOptions, LiveChanges } from '../io/broker-options.ts';
import type { Reloaded } from '../io/http/service-routes.ts';
import type { Logger } from '../io/logger.ts';
import type { Command } from './settings.ts';
import type { SettingsFile } from './settings-file.ts';

type Run = Command & { readonly kind: 'run' };

/** Sections of the file that are put to use while the broker runs. */
const LIVE = new Set(['users', 'jwt', 'certificates', 'rules', 'a2aPolicy']);

/** A listener without what is put to use while it listens. */
function fixedPart(listener: unknown): unknown {
  if (typeof listener !== 'object' || listener === null) return listener;
  const { tls, apiKeys: _, ...rest } = listener as Record<string, unknown>;
  return { ...rest, hasTls: tls !== undefined };
}

/** What differs and cannot be changed while the broker runs. */
function fixedChanges(before: SettingsFile, after: SettingsFile): readonly string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => {
    const [old, now] = [before, after].map((file) => file[name as keyof SettingsFile]);
    if (LIVE.has(name)) return [];
    if (name !== 'listen') return isDeepStrictEqual(old, now) ? [] : [name];
    const [oldListen = {}, newListen = {}] = [before.listen, after.listen];
    return (['tcp', 'ws', 'http'] as const)
      .filter((kind) => !isDeepStrictEqual(fixedPart(oldListen[kind]), fixedPart(newListen[kind])))
      .map((kind) => `listen.${kind}`);
  });
}

function liveChanges(before: BrokerOptions, after: BrokerOptions): LiveChanges {
  const tls: Record<string, unknown> = {};
  for (const kind of ['tcp', 'ws', 'http'] as const) {
    const [old, now] = [before.listen?.[kind], after.listen?.[kind]];
    if (typeof old === 'object' && typeof now === 'object' && old.tls !== undefined && now.tls !== undefined)
      tls[kind] = now.tls;
  }
  const [oldHttp, newHttp] = [before.listen?.http, after.listen?.http];
  const hasKeys = typeof oldHttp === 'object' && typeof newHttp === 'object';
  return { tls, ...(hasKeys ? { apiKeys: newHttp.apiKeys ?? [] } : {}) };
}

/** Users that are gone, or whose password or client ids are others now. */
function withdrawn(before: SettingsFile, after: SettingsFile): ReadonlySet<string> {
  const kept = new Map(after.users?.map((user) => [user.username, user]));
  return new Set(
    (before.users ?? [])
      .filter((user) => !isDeepStrictEqual(user, kept.get(user.username)))
      .map(({ username }) => username),
  );
}

/** Settings that are read again while the broker runs: all of the new ones come into use, or none. */
export class LiveSettings {
  private current: Run;
  private readonly first: Run;
  private authorize: NonNullable<BrokerOptions['authorize']>;
  private broker: Broker | undefined;
  private running: Promise<Reloaded> | undefined;
  private readonly read: () => Promise<Command>;
  private readonly logger: Logger;

  constructor(first: Run, read: () => Promise<Command>, logger: Logger) {
    this.first = first;
    this.current = first;
    this.authorize = rulesOf(first);
    this.read = read;
    this.logger = logger;
  }

  /** For a broker that always asks the settings of the moment. */
  get options(): BrokerOptions {
    const { options } = this.first;
    const { authenticate } = options;
    const http = options.listen?.http;
    return {
      ...options,
      ...(authenticate === undefined
        ? {}
        : { authenticate: (request) => this.current.options.authenticate?.(request) ?? false }),
      authorize: (...asked) => this.authorize(...asked),
      registry: { ...options.registry, namespaces: () => namespacesOf(this.current) },
      listen: {
        ...options.listen,
        ...(typeof http === 'object' ? { http: { ...http, reload: () => this.reload() } } : {}),
      },
    };
  }

  attach(broker: Broker): void {
    this.broker = broker;
  }

  /** Rejects with BrokerError `invalid-options`, and then everything is as before. A second call waits for its turn. */
  reload(): Promise<Reloaded> {
    const turn = (this.running ?? Promise.resolve()).then(
      () => this.reloadNow(),
      () => this.reloadNow(),
    );
    this.running = turn;
    return turn;
  }

  private async reloadNow(): Promise<Reloaded> {
    try {
      return this.use((await this.read()) as Run);
    } catch (error) {
      this.logger.error('the settings were not read again: those from before stay', { error: String(error) });
      throw error;
    }
  }

  private use(next: Run): Reloaded {
    const { current, broker } = this;
    if ((next.options.authenticate === undefined) !== (current.options.authenticate === undefined)) {
      throw new BrokerError(
        'invalid-options',
        'users, jwt, certificates: whether there are any changes only with a new start',
      );
    }
    broker?.reload(liveChanges(this.first.options, next.options));
    const gone = withdrawn(current.file, next.file);
    this.current = next;
    this.authorize = rulesOf(next);
    const disconnected = broker?.disconnect(
      ({ username }) => username !== undefined && gone.has(username),
      'credential: it was changed or taken back',
    );
    const lost = broker?.recheckSubscriptions();
    const needRestart = fixedChanges(this.first.file, next.file);
    this.logger.info('settings read again', { disconnected, lost, needRestart });
    return { needRestart };
  }
}

const rulesOf = ({ options }: Run): NonNullable<BrokerOptions['authorize']> =>
  authorizeOf(options) ?? (() => true);

function namespacesOf({ options }: Run): readonly string[] {
  const { namespaces = [] } = options.registry ?? {};
  return typeof namespaces === 'function' ? namespaces() : namespaces;
}
