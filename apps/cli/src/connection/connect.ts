import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { openLink, type Link, type LinkOptions, type LinkTlsOptions } from '@shoal/mqtt-link';
import { usageError } from '../errors.ts';
import type { Io } from '../io.ts';
import type { Settings } from '../settings/settings.ts';
import { passwordOf } from './secret.ts';

export interface ConnectOptions {
  /** Default: of the settings, else one that nobody else has. */
  readonly clientId?: string;
  /** Come back after a lost connection: for what watches, and for what waits for an answer. Default false. */
  readonly stays?: boolean;
}

/** Rejects with LinkError, or CliError `usage` for a file that cannot be read. */
export async function connect(io: Io, settings: Settings, options: ConnectOptions = {}): Promise<Link> {
  return openLink({
    ...(await credentialsOf(io, settings)),
    clientId: options.clientId ?? settings.clientId ?? ownClientId(settings),
    connectTimeoutMs: settings.timeoutMs,
    ...(options.stays === true ? {} : { reconnect: false as const }),
    signal: io.signal,
  });
}

/** Remembered for a run: a password is asked for, and standard input read, once. */
const known = new WeakMap<Settings, Promise<Credentials>>();

export type Credentials = Pick<LinkOptions, 'url' | 'username' | 'password' | 'tls'>;

export function credentialsOf(io: Io, settings: Settings): Promise<Credentials> {
  let found = known.get(settings);
  if (found === undefined) {
    found = readCredentials(io, settings);
    known.set(settings, found);
  }
  return found;
}

async function readCredentials(io: Io, settings: Settings): Promise<Credentials> {
  const { url, username } = settings;
  const password = await passwordOf(io, settings);
  const tls = await tlsOf(settings);
  return {
    url,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
  };
}

/** In the own unit, so that access rules of the unit let it read. */
export function ownClientId({ org, unit }: Pick<Settings, 'org' | 'unit'>): string {
  const name = `cli-${randomUUID().slice(0, 8)}`;
  return org === undefined || unit === undefined ? `shoal-${name}` : `${org}/${unit}/${name}`;
}

export async function tlsOf(settings: Settings): Promise<LinkTlsOptions | undefined> {
  const { caFile, certFile, keyFile, insecure } = settings;
  if ((certFile === undefined) !== (keyFile === undefined))
    throw usageError('--cert and --key go together: a certificate is of no use without its key');
  if (caFile === undefined && certFile === undefined && !insecure) return undefined;
  return {
    ...(caFile === undefined ? {} : { ca: await readPem('--ca', caFile) }),
    ...(certFile === undefined ? {} : { cert: await readPem('--cert', certFile) }),
    ...(keyFile === undefined ? {} : { key: await readPem('--key', keyFile) }),
    ...(insecure ? { rejectUnauthorized: false } : {}),
  };
}

async function readPem(flag: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw usageError(`${flag}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}
