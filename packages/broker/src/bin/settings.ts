import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

import { a2aPolicy, type A2aScope } from '../core/authorization/a2a-policy.ts';
import { createPolicy, type AccessRule } from '../core/authorization/policy.ts';
import type { Authenticate } from '../io/auth/door.ts';
import { authenticateUsers, type User } from '../io/auth/users.ts';
import { BrokerError } from '../io/broker-error.ts';
import type { BrokerOptions, BrokerSettings, ListenOptions, RegistrySettings } from '../io/broker-options.ts';
import type { BrokerLimits } from '../io/limits.ts';
import type { LevelStoreOptions } from '../io/store/level-store.ts';

/** The configuration file, JSON. Flags and environment win over it. */
export interface SettingsFile {
  readonly listen?: ListenOptions;
  readonly store?: 'memory' | LevelStoreOptions;
  readonly registry?: RegistrySettings;
  readonly limits?: Partial<BrokerLimits>;
  readonly users?: readonly User[];
  /** Lets in clients that show no credential. */
  readonly allowAnonymous?: boolean;
  /** The built-in policy for agents, behind `rules`. */
  readonly a2aPolicy?: A2aScope;
  readonly rules?: readonly AccessRule[];
}

const KNOWN = ['allowAnonymous', 'listen', 'store', 'registry', 'limits', 'users', 'a2aPolicy', 'rules'];

export const USAGE = `shoal-broker [options]
shoal-broker ctl a2a_registry …   the registry of a broker that runs; "shoal-broker ctl" tells more
  --host HOST        address to listen on (SHOAL_BROKER_HOST), default 127.0.0.1
  --port PORT        TCP port (SHOAL_BROKER_PORT), default 1883
  --ws-port PORT     WebSocket port (SHOAL_BROKER_WS_PORT), default none
  --http-port PORT   /healthz and /metrics (SHOAL_BROKER_HTTP_PORT), default none
  --data DIR         keep everything in this directory (SHOAL_BROKER_DATA), default: in memory
  --no-sync          do not flush each batch to the disk
  --profile NAME     registry profile: shoal or emqx
  --no-registry      no A2A registry
  --allow-anonymous  let in clients without a credential (SHOAL_BROKER_ALLOW_ANONYMOUS=1)
  --config FILE      JSON with listen, store, registry, limits, users, rules, a2aPolicy
  --hash-password    read a password from standard input, print its hash for "users"
  --help`;

export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'ctl' }
  | { readonly kind: 'hash-password' }
  | { readonly kind: 'run'; readonly options: BrokerOptions };

const invalid = (message: string): BrokerError => new BrokerError('invalid-options', message);

function port(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text !== '' && Number.isInteger(value) && value >= 0 && value <= 65_535) return value;
  throw invalid(`${name}: ${JSON.stringify(text)} is not a port, use 0 to 65535`);
}

function flag(name: string, env: NodeJS.ProcessEnv): boolean | undefined {
  const text = env[name];
  if (text === undefined) return undefined;
  if (text === '1' || text === 'true') return true;
  if (text === '0' || text === 'false' || text === '') return false;
  throw invalid(`${name}: ${JSON.stringify(text)} is neither 1 nor 0`);
}

async function readFileSettings(path: string | undefined): Promise<SettingsFile> {
  if (path === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw invalid(`--config ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof value !== 'object' || value === null) throw invalid(`--config ${path}: is not a JSON object`);
  const unknown = Object.keys(value).filter((key) => !KNOWN.includes(key));
  if (unknown.length > 0)
    throw invalid(`--config ${path}: unknown field ${unknown.join(', ')}; known are ${KNOWN.join(', ')}`);
  return value;
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        host: { type: 'string' },
        port: { type: 'string' },
        'ws-port': { type: 'string' },
        'http-port': { type: 'string' },
        data: { type: 'string' },
        'no-sync': { type: 'boolean' },
        profile: { type: 'string' },
        'no-registry': { type: 'boolean' },
        'allow-anonymous': { type: 'boolean' },
        config: { type: 'string' },
        'hash-password': { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
}

type Access = Pick<BrokerSettings, 'authorize'> & ({ authenticate: Authenticate } | { allowAnonymous: true });

function access(file: SettingsFile, allowAnonymous: boolean): Access {
  const rules = [...(file.rules ?? []), ...(file.a2aPolicy === undefined ? [] : a2aPolicy(file.a2aPolicy))];
  const authorize = rules.length === 0 ? {} : { authorize: createPolicy(rules) };
  const anonymous = allowAnonymous ? ({ allowAnonymous } as const) : {};
  if (file.users !== undefined)
    return { ...authorize, ...anonymous, authenticate: authenticateUsers(file.users) };
  if (allowAnonymous) return { ...authorize, allowAnonymous };
  throw invalid(
    'users: nobody could connect: name users in --config FILE, or let everyone in with --allow-anonymous',
  );
}

/** Reads flags, environment and file. Rejects with BrokerError `invalid-options` that names the flag or field. */
export async function readCommand(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Command> {
  const flags = parseFlags(args);
  if (flags.help === true) return { kind: 'help' };
  if (flags['hash-password'] === true) return { kind: 'hash-password' };
  const file = await readFileSettings(flags.config);
  const allowAnonymous =
    flags['allow-anonymous'] ?? flag('SHOAL_BROKER_ALLOW_ANONYMOUS', env) ?? file.allowAnonymous ?? false;
  const host = flags.host ?? env['SHOAL_BROKER_HOST'];
  const tcpPort = port('--port', flags.port ?? env['SHOAL_BROKER_PORT']);
  const wsPort = port('--ws-port', flags['ws-port'] ?? env['SHOAL_BROKER_WS_PORT']);
  const httpPort = port('--http-port', flags['http-port'] ?? env['SHOAL_BROKER_HTTP_PORT']);
  const directory = flags.data ?? env['SHOAL_BROKER_DATA'];
  const { profile } = flags;
  if (profile !== undefined && profile !== 'shoal' && profile !== 'emqx')
    throw invalid(`--profile: ${profile} is neither shoal nor emqx`);
  const tcp = file.listen?.tcp ?? {};
  const ws = file.listen?.ws ?? false;
  const hostOption = host === undefined ? {} : { host };
  const store = directory === undefined ? file.store : { directory };
  return {
    kind: 'run',
    options: {
      ...access(file, allowAnonymous),
      listen: {
        http:
          httpPort === undefined
            ? (file.listen?.http ?? false)
            : { ...file.listen?.http, ...hostOption, port: httpPort },
        tcp:
          tcp === false
            ? false
            : { port: 1883, ...tcp, ...hostOption, ...(tcpPort === undefined ? {} : { port: tcpPort }) },
        ws:
          ws === false && wsPort === undefined
            ? false
            : { ...ws, ...hostOption, ...(wsPort === undefined ? {} : { port: wsPort }) },
      },
      ...(store === undefined
        ? {}
        : {
            store: typeof store === 'object' && flags['no-sync'] === true ? { ...store, sync: false } : store,
          }),
      registry: {
        ...file.registry,
        ...(profile === undefined ? {} : { profile }),
        ...(flags['no-registry'] === true ? { enabled: false } : {}),
      },
      limits: file.limits ?? {},
    },
  };
}
