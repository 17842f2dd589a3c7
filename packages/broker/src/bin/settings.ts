import { parseArgs } from 'node:util';

import type { JSONWebKeySet } from 'jose';

import { a2aPolicy } from '../core/authorization/a2a-policy.ts';
import { createPolicy } from '../core/authorization/policy.ts';
import { EMQX_VERSIONS } from '../core/registry/profile.ts';
import { authenticateCertificates } from '../io/auth/certificates.ts';
import type { Authenticate } from '../io/auth/door.ts';
import { authenticateJwt, checkJwtBearer } from '../io/auth/jwt.ts';
import type { KeySource } from '../io/auth/key-sets.ts';
import { authenticateAny, authenticateUsers } from '../io/auth/users.ts';
import type { BrokerOptions, BrokerSettings, ListenOptions, RegistrySettings } from '../io/broker-options.ts';
import { invalid, readSettingsFile, readTls, type SettingsFile } from './settings-file.ts';

const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const USAGE = `shoal-broker [options]
shoal-broker ctl a2a_registry …   the registry of a broker that runs; "shoal-broker ctl" tells more
  --host HOST          address to listen on (SHOAL_BROKER_HOST), default 127.0.0.1
  --port PORT          TCP port (SHOAL_BROKER_PORT), default 1883
  --ws-port PORT       WebSocket port (SHOAL_BROKER_WS_PORT), default none
  --http-port PORT     management API, /metrics and probes (SHOAL_BROKER_HTTP_PORT), default none
  --data DIR           keep everything in this directory (SHOAL_BROKER_DATA), default: in memory
  --no-sync            do not flush each batch to the disk (SHOAL_BROKER_NO_SYNC=1)
  --profile NAME       registry profile: shoal or emqx (SHOAL_BROKER_PROFILE)
  --emqx-version NAME  ${EMQX_VERSIONS.join(', ')} (SHOAL_BROKER_EMQX_VERSION), default 6.2.2
  --no-registry        no A2A registry (SHOAL_BROKER_NO_REGISTRY=1)
  --allow-anonymous    let in clients without a credential (SHOAL_BROKER_ALLOW_ANONYMOUS=1)
  --log LEVEL          ${LOG_LEVELS.join(', ')} (SHOAL_BROKER_LOG), default info
  --drain MS           at the end, time for clients to get what is queued (SHOAL_BROKER_DRAIN), default 5000
  --config FILE        JSON with all of this and more (SHOAL_BROKER_CONFIG)
  --hash-password      read a password from standard input, print its hash for "users" and "apiKeys"
  --help
A flag wins over its environment variable, and that over the file. SIGHUP reads the file again: users, jwt, certificates, rules, API keys,
and the PEM files of listeners; other settings wait for a new start.`;

const OPTIONS = {
  host: { type: 'string' },
  port: { type: 'string' },
  'ws-port': { type: 'string' },
  'http-port': { type: 'string' },
  data: { type: 'string' },
  'no-sync': { type: 'boolean' },
  profile: { type: 'string' },
  'emqx-version': { type: 'string' },
  'no-registry': { type: 'boolean' },
  'allow-anonymous': { type: 'boolean' },
  log: { type: 'string' },
  drain: { type: 'string' },
  config: { type: 'string' },
  'hash-password': { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'hash-password' }
  | {
      readonly kind: 'run';
      readonly options: BrokerOptions;
      /** What the options were made of, besides flags and environment. */
      readonly file: SettingsFile;
      readonly log: LogLevel;
      readonly drainTimeoutMs: number;
    };

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
}

const variableOf = (name: string): string => `SHOAL_BROKER_${name.toUpperCase().replaceAll('-', '_')}`;

/** A flag, else its environment variable. Complaints name the one that was used. */
class Given {
  private readonly flags: ReturnType<typeof parseFlags>;
  private readonly env: NodeJS.ProcessEnv;

  constructor(flags: ReturnType<typeof parseFlags>, env: NodeJS.ProcessEnv) {
    this.flags = flags;
    this.env = env;
  }

  private find(name: keyof typeof OPTIONS): readonly [source: string, value: string] | undefined {
    const flag = this.flags[name];
    if (typeof flag === 'string') return [`--${name}`, flag];
    const variable = this.env[variableOf(name)];
    return variable === undefined ? undefined : [variableOf(name), variable];
  }

  text(name: keyof typeof OPTIONS): string | undefined {
    return this.find(name)?.[1];
  }

  number(name: keyof typeof OPTIONS, what: string, most: number): number | undefined {
    const found = this.find(name);
    if (found === undefined) return undefined;
    const [source, text] = found;
    const value = Number(text);
    if (/^\d+$/.test(text) && value <= most) return value;
    throw invalid(`${source}: ${JSON.stringify(text)} is not ${what}, use 0 to ${most}`);
  }

  flag(name: keyof typeof OPTIONS): boolean | undefined {
    if (this.flags[name] === true) return true;
    const variable = this.env[variableOf(name)];
    if (variable === undefined) return undefined;
    if (variable === '1' || variable === 'true') return true;
    if (variable === '0' || variable === 'false' || variable === '') return false;
    throw invalid(`${variableOf(name)}: ${JSON.stringify(variable)} is neither 1 nor 0`);
  }

  word<W extends string>(name: keyof typeof OPTIONS, words: readonly W[]): W | undefined {
    const found = this.find(name);
    if (found === undefined) return undefined;
    const word = words.find((known) => known === found[1]);
    if (word !== undefined) return word;
    throw invalid(`${found[0]}: ${found[1]} is none of ${words.join(', ')}`);
  }
}

type Jwt = NonNullable<SettingsFile['jwt']>;

const keysOf = (source: Jwt['jwks']): KeySource =>
  'keys' in source ? { keys: source.keys as unknown as JSONWebKeySet['keys'] } : source;

const jwtOf = <J extends Pick<Jwt, 'jwks'>>(jwt: J): Omit<J, 'jwks'> & { readonly jwks: KeySource } => ({
  ...jwt,
  jwks: keysOf(jwt.jwks),
});

function waysIn({ users, jwt, certificates }: SettingsFile): readonly Authenticate[] {
  return [
    ...(users === undefined ? [] : [authenticateUsers(users)]),
    ...(jwt === undefined ? [] : [authenticateJwt(jwtOf(jwt))]),
    ...(certificates === undefined ? [] : [authenticateCertificates(certificates)]),
  ];
}

type Access = Pick<BrokerSettings, 'authorize'> & ({ authenticate: Authenticate } | { allowAnonymous: true });

function access(file: SettingsFile, allowAnonymous: boolean): Access {
  const rules = [...(file.rules ?? []), ...(file.a2aPolicy === undefined ? [] : a2aPolicy(file.a2aPolicy))];
  const authorize = rules.length === 0 ? {} : { authorize: createPolicy(rules) };
  const anonymous = allowAnonymous ? ({ allowAnonymous } as const) : {};
  const ways = waysIn(file);
  if (ways.length > 0) return { ...authorize, ...anonymous, authenticate: authenticateAny(ways) };
  if (allowAnonymous) return { ...authorize, allowAnonymous };
  throw invalid(
    'nobody could connect: name users, jwt or certificates in --config FILE, or let everyone in with --allow-anonymous',
  );
}

type Listen = NonNullable<SettingsFile['listen']>;

async function secured<L extends { tls?: NonNullable<Listen['tcp'] & object>['tls'] }>(
  { tls, ...rest }: L,
  configPath: string | undefined,
) {
  return { ...rest, ...(tls === undefined ? {} : { tls: await readTls(tls, configPath) }) };
}

async function listenOf(
  { tcp = {}, ws = false, http = false }: Listen,
  given: Given,
  configPath: string | undefined,
): Promise<ListenOptions> {
  const host = given.text('host');
  const hostOption = host === undefined ? {} : { host };
  const portOption = (name: 'port' | 'ws-port' | 'http-port'): { port?: number } => {
    const port = given.number(name, 'a port', 65_535);
    return port === undefined ? {} : { port };
  };
  const [tcpPort, wsPort, httpPort] = [portOption('port'), portOption('ws-port'), portOption('http-port')];
  const httpOptions = async () => {
    const { jwt, ...rest } = http === false ? {} : http;
    const checkBearer = jwt === undefined ? {} : { checkBearer: checkJwtBearer(jwtOf(jwt)) };
    return { ...(await secured(rest, configPath)), ...checkBearer, ...hostOption, ...httpPort };
  };
  return {
    tcp:
      tcp === false ? false : { port: 1883, ...(await secured(tcp, configPath)), ...hostOption, ...tcpPort },
    ws:
      ws === false && wsPort.port === undefined
        ? false
        : { ...(await secured(ws === false ? {} : ws, configPath)), ...hostOption, ...wsPort },
    http: http === false && httpPort.port === undefined ? false : await httpOptions(),
  };
}

function storeOf(file: SettingsFile, given: Given): Pick<BrokerSettings, 'store'> {
  const directory = given.text('data');
  const store =
    directory === undefined
      ? file.store
      : { ...(typeof file.store === 'object' ? file.store : {}), directory };
  if (store === undefined) return {};
  return {
    store: typeof store === 'object' && given.flag('no-sync') === true ? { ...store, sync: false } : store,
  };
}

function registryOf({ registry = {}, users = [] }: SettingsFile, given: Given): RegistrySettings {
  const profile = given.word('profile', ['shoal', 'emqx']);
  const emqxVersion = given.word('emqx-version', EMQX_VERSIONS);
  const { trust, namespaces = [], ...rest } = registry;
  const { keys, ...policy } = trust ?? {};
  return {
    ...rest,
    namespaces: [...namespaces, ...users.flatMap(({ namespace }) => namespace ?? [])],
    ...(trust === undefined
      ? {}
      : { trust: { ...policy, ...(keys === undefined ? {} : { keys: keysOf(keys) }) } }),
    ...(profile === undefined ? {} : { profile }),
    ...(emqxVersion === undefined ? {} : { emqxVersion }),
    ...(given.flag('no-registry') === true ? { enabled: false } : {}),
  };
}

const DRAIN_TIMEOUT_MS = 5_000;
const MAX_DRAIN_MS = 3_600_000;

/** Reads flags, environment and file. Rejects with BrokerError `invalid-options` that names the flag or field. */
export async function readCommand(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Command> {
  const flags = parseFlags(args);
  if (flags.help === true) return { kind: 'help' };
  if (flags['hash-password'] === true) return { kind: 'hash-password' };
  const given = new Given(flags, env);
  const configPath = given.text('config');
  const file = await readSettingsFile(configPath);
  const listen = await listenOf(file.listen ?? {}, given, configPath);
  return {
    kind: 'run',
    file,
    log: given.word('log', LOG_LEVELS) ?? file.log ?? 'info',
    drainTimeoutMs:
      given.number('drain', 'a number of milliseconds', MAX_DRAIN_MS) ??
      file.drainTimeoutMs ??
      DRAIN_TIMEOUT_MS,
    options: {
      listen,
      ...storeOf(file, given),
      registry: registryOf(file, given),
      limits: file.limits ?? {},
      ...access(file, given.flag('allow-anonymous') ?? file.allowAnonymous ?? false),
    },
  };
}
