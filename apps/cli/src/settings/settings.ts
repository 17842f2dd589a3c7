import { resolve } from 'node:path';
import { IDENTIFIER_PATTERN } from '@shoal/protocol';
import { usageError } from '../errors.ts';
import type { LoadedConfig } from './config-files.ts';
import type { ConfigFile } from './schema.ts';

/** Where to connect and as whom. Every command that speaks to a broker takes these. */
export interface Settings {
  /** Without user and password. */
  readonly url: string;
  readonly username: string | undefined;
  /** As given in the environment, in the URL or on the command line; else see `passwordFile`. */
  readonly password: string | undefined;
  readonly passwordFile: string | undefined;
  readonly org: string | undefined;
  readonly unit: string | undefined;
  readonly clientId: string | undefined;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly insecure: boolean;
  readonly timeoutMs: number;
  /** Of the management API, and its key. */
  readonly apiUrl: string | undefined;
  readonly apiKey: string | undefined;
  readonly apiSecret: string | undefined;
  readonly dev: NonNullable<ConfigFile['dev']>;
  readonly host: NonNullable<ConfigFile['host']>;
  /** The project's file; relative paths of `dev` and `host` are from its folder. */
  readonly configPath: string | undefined;
  /** What a person should be told about how this was given. */
  readonly warnings: readonly string[];
}

/** The flags of a command that connects, as the parser leaves them. */
export interface ConnectionFlags {
  readonly broker?: string;
  readonly username?: string;
  readonly password?: string;
  readonly passwordFile?: string;
  readonly org?: string;
  readonly unit?: string;
  readonly clientId?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly insecure?: boolean;
  readonly timeout?: string;
  readonly api?: string;
  readonly config?: string;
}

const DEFAULT_URL = 'mqtt://127.0.0.1:1883';
const DEFAULT_TIMEOUT_SECONDS = 15;

/** A flag wins over the environment, that over the project's file, that over the user's. Throws CliError `usage`. */
export function resolveSettings(
  flags: ConnectionFlags,
  env: Readonly<Record<string, string | undefined>>,
  configs: readonly LoadedConfig[],
  cwd: string,
): Settings {
  const warnings: string[] = [];
  const fromFile = <K extends keyof ConfigFile>(name: K): ConfigFile[K] | undefined =>
    configs.find(({ values }) => values[name] !== undefined)?.values[name];
  const from = (flag: string | undefined, variable: string): string | undefined => {
    const set = flag ?? env[variable];
    return set === '' ? undefined : set;
  };
  const path = (flag: string | undefined, variable: string): string | undefined => {
    const given = from(flag, variable);
    return given === undefined || given === '-' ? given : resolve(cwd, given);
  };
  if (flags.password !== undefined)
    warnings.push(
      '--password shows the password to everyone who may list processes: use SHOAL_PASSWORD or --password-file',
    );
  const broker = splitUrl(from(flags.broker, 'SHOAL_BROKER_URL') ?? fromFile('broker') ?? DEFAULT_URL);
  if (broker.password !== undefined && flags.broker !== undefined)
    warnings.push('--broker holds a password that others may see: use SHOAL_PASSWORD or --password-file');
  return {
    url: broker.url,
    username: from(flags.username, 'SHOAL_USERNAME') ?? broker.username ?? fromFile('username'),
    // Else a file on the command line would lose against the environment.
    password:
      flags.passwordFile === undefined
        ? (from(flags.password, 'SHOAL_PASSWORD') ?? broker.password)
        : flags.password,
    passwordFile: path(flags.passwordFile, 'SHOAL_PASSWORD_FILE') ?? fromFile('passwordFile'),
    org: identifier('org', from(flags.org, 'SHOAL_ORG') ?? fromFile('org')),
    unit: identifier('unit', from(flags.unit, 'SHOAL_UNIT') ?? fromFile('unit')),
    clientId: from(flags.clientId, 'SHOAL_CLIENT_ID') ?? fromFile('clientId'),
    caFile: path(flags.ca, 'SHOAL_CA_FILE') ?? fromFile('caFile'),
    certFile: path(flags.cert, 'SHOAL_CERT_FILE') ?? fromFile('certFile'),
    keyFile: path(flags.key, 'SHOAL_KEY_FILE') ?? fromFile('keyFile'),
    insecure: flags.insecure ?? false,
    timeoutMs: timeoutMs(from(flags.timeout, 'SHOAL_TIMEOUT'), fromFile('timeoutSeconds')),
    apiUrl: from(flags.api, 'SHOAL_API_URL') ?? fromFile('apiUrl'),
    apiKey: env['SHOAL_API_KEY'],
    apiSecret: env['SHOAL_API_SECRET'],
    dev: fromFile('dev') ?? {},
    host: fromFile('host') ?? {},
    configPath: configs[0]?.path,
    warnings,
  };
}

const SCHEMES = ['mqtt:', 'mqtts:', 'ws:', 'wss:'];

/** Takes the credential out, so that no message shows it. */
export function splitUrl(text: string): {
  readonly url: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
} {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !SCHEMES.includes(url.protocol) || url.hostname === '') {
    const shown = text.replace(/\/\/[^/@]*@/, '//');
    throw usageError(
      `--broker must read mqtt://, mqtts://, ws:// or wss://, then host[:port]; it is "${shown}"`,
      'invalid-url',
    );
  }
  const username = url.username === '' ? undefined : decodeURIComponent(url.username);
  const password = url.password === '' ? undefined : decodeURIComponent(url.password);
  url.username = '';
  url.password = '';
  return { url: url.href.replace(/\/$/, ''), username, password };
}

function identifier(name: string, value: string | undefined): string | undefined {
  if (value === undefined || new RegExp(IDENTIFIER_PATTERN).test(value)) return value;
  throw usageError(`--${name} takes letters, digits, "_", "." and "-", not "${value}"`, 'invalid-identifier');
}

function timeoutMs(given: string | undefined, configured: number | undefined): number {
  const seconds = given === undefined ? (configured ?? DEFAULT_TIMEOUT_SECONDS) : Number(given);
  if (!Number.isFinite(seconds) || seconds <= 0 || seconds > 86_400)
    throw usageError(`--timeout takes seconds above 0 and up to 86400, not "${given}"`);
  return Math.round(seconds * 1000);
}
