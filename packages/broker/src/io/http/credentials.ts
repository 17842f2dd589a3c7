import { createHash, randomBytes } from 'node:crypto';

import { RateTable } from '../../core/rate-table.ts';
import { isPasswordHash, verifyPassword } from '../auth/password.ts';
import { BrokerError } from '../broker-error.ts';
import { HttpError } from './answers.ts';

export interface ApiKey {
  readonly key: string;
  /** As `hashPassword` makes it of the secret. */
  readonly secretHash: string;
  /** `viewer` may only read. Default `administrator`. */
  readonly role?: 'administrator' | 'viewer';
  /** Sees and changes only what is in this namespace. Default: everything. */
  readonly namespace?: string;
}

/** Who asks, once its credential is checked. */
export interface Actor {
  readonly role: 'administrator' | 'viewer';
  readonly namespace: string | undefined;
}

export interface Token {
  readonly token: string;
  readonly expiresInSeconds: number;
}

/** Checks a bearer token that this broker did not make; undefined when it will not do. */
export type BearerCheck = (token: string) => Promise<Actor | undefined>;

const REMEMBERED_MS = 60_000;
const TOKEN_SECONDS = 3_600;
const MAX_REMEMBERED = 1_024;
const FAILURES_PER_ADDRESS_PER_SECOND = 5;
/** scrypt takes 16 MiB each, and no more threads than libuv has. */
const MAX_CHECKS_AT_ONCE = 4;

interface Known {
  readonly actor: Actor;
  readonly untilMs: number;
}

const digest = (text: string): string => createHash('sha256').update(text).digest('base64url');

function remember(known: Map<string, Known>, key: string, entry: Known): void {
  const oldest = known.keys().next();
  if (known.size >= MAX_REMEMBERED && oldest.done !== true) known.delete(oldest.value);
  known.set(key, entry);
}

function tryParseBasic(encoded: string): readonly [key: string, secret: string] | undefined {
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  return colon === -1 ? undefined : [text.slice(0, colon), text.slice(colon + 1)];
}

function assertUsable(keys: readonly ApiKey[]): void {
  for (const { key, secretHash } of keys) {
    if (key !== '' && !key.includes(':') && isPasswordHash(secretHash)) continue;
    throw new BrokerError(
      'invalid-options',
      `apiKeys: secretHash of ${JSON.stringify(key)} is not a scrypt hash, or its key is empty or has a colon`,
    );
  }
}

const byKey = (keys: readonly ApiKey[]): ReadonlyMap<string, ApiKey> =>
  new Map(keys.map((entry) => [entry.key, entry]));

/** API keys by basic authentication, and bearer tokens that they can be exchanged for. */
export class Credentials {
  private keys: ReadonlyMap<string, ApiKey>;
  private readonly checkBearer: BearerCheck | undefined;
  /** What was checked a moment ago, by digest: scrypt is slow on purpose. */
  private readonly checked = new Map<string, Known>();
  private readonly tokens = new Map<string, Known>();
  private readonly failures = new RateTable(FAILURES_PER_ADDRESS_PER_SECOND, 'second');
  private checks = 0;

  /** Throws BrokerError `invalid-options`. */
  constructor(keys: readonly ApiKey[], checkBearer?: BearerCheck) {
    assertUsable(keys);
    this.keys = byKey(keys);
    this.checkBearer = checkBearer;
  }

  /** There is a key for it. */
  hasNamespace(name: string): boolean {
    return [...this.keys.values()].some(({ namespace }) => namespace === name);
  }

  /** Other keys from now on; tokens that were made for the old ones end. Throws BrokerError `invalid-options`. */
  prepare(keys: readonly ApiKey[]): () => void {
    assertUsable(keys);
    return () => {
      this.keys = byKey(keys);
      this.checked.clear();
      this.tokens.clear();
    };
  }
  /** Rejects with HttpError 401 when nobody stands behind the header, and with 429 when that happens too often. */
  async authenticate(authorization: string | undefined, address: string, now: number): Promise<Actor> {
    const [scheme = '', value = ''] = authorization?.split(' ', 2) ?? [];
    let actor: Actor | undefined;
    if (/^basic$/i.test(scheme)) {
      const basic = tryParseBasic(value);
      if (basic !== undefined) actor = await this.check(basic[0], basic[1], address, now);
    } else if (/^bearer$/i.test(scheme)) actor = await this.bearer(value, now);
    if (actor !== undefined) return actor;
    const headers = { 'www-authenticate': 'Basic realm="shoal-broker", Bearer' };
    throw new HttpError(401, 'BAD_API_KEY_OR_SECRET', 'Check api_key/api_secret', headers);
  }

  private async bearer(token: string, now: number): Promise<Actor | undefined> {
    const known = this.tokens.get(digest(token));
    if (known !== undefined) return now < known.untilMs ? known.actor : undefined;
    return this.checkBearer?.(token);
  }

  private async check(key: string, secret: string, address: string, now: number): Promise<Actor | undefined> {
    const id = digest(`${key}:${secret}`);
    const known = this.checked.get(id);
    if (known !== undefined && now < known.untilMs) return known.actor;
    const entry = this.keys.get(key);
    if (entry === undefined || !(await this.verify(secret, entry, address, now))) return undefined;
    const actor: Actor = { role: entry.role ?? 'administrator', namespace: entry.namespace };
    remember(this.checked, id, { actor, untilMs: now + REMEMBERED_MS });
    return actor;
  }

  private async verify(secret: string, entry: ApiKey, address: string, now: number): Promise<boolean> {
    if (this.checks >= MAX_CHECKS_AT_ONCE || !this.failures.tryTake(address, now)) {
      throw new HttpError(429, 'TOO_MANY_REQUESTS', 'too many attempts: wait a second', {
        'retry-after': '1',
      });
    }
    this.checks++;
    try {
      return await verifyPassword(Buffer.from(secret), entry.secretHash);
    } finally {
      this.checks--;
    }
  }

  /** A token of one hour for a key and its secret. Rejects as `authenticate` does. */
  async login(key: string, secret: string, address: string, now: number): Promise<Token> {
    const actor = await this.check(key, secret, address, now);
    if (actor === undefined) throw new HttpError(401, 'BAD_USERNAME_OR_PWD', 'Auth failed');
    const token = randomBytes(32).toString('base64url');
    remember(this.tokens, digest(token), { actor, untilMs: now + TOKEN_SECONDS * 1_000 });
    return { token, expiresInSeconds: TOKEN_SECONDS };
  }
}
