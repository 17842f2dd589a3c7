import { readFile } from 'node:fs/promises';

import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type CryptoKey,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWSHeaderParameters,
} from 'jose';

import { BrokerError } from '../broker-error.ts';

/** Finds the public key for a header. Rejects with an error of jose when there is none. */
export type KeySet = (header: JWSHeaderParameters, token?: FlattenedJWSInput) => Promise<CryptoKey>;

const MAX_BYTES = 128 * 1024;
const TIMEOUT_MS = 5_000;
/** Keys are asked for again after this, and for an unknown `kid` no more often than every half minute. */
const MAX_AGE_MS = 10 * 60_000;
const COOLDOWN_MS = 30_000;
const FILE_MAX_AGE_MS = 60_000;

const isLoopback = ({ hostname }: URL): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');

/** HTTPS, or HTTP to this machine; no credentials in it. */
export function tryParseKeyUrl(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.username !== '' || url.password !== '') return undefined;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url)) ? url : undefined;
}

/** Follows no redirect, and reads no more than a key set can need. */
async function fetchBounded(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, { ...init, redirect: 'error' });
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MAX_BYTES) throw new errors.JWKSInvalid(`the key set is larger than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return new Response(Buffer.concat(chunks), { status: response.status, headers: response.headers });
}

/** Keys of a URL, fetched when needed and kept for ten minutes. */
export function remoteKeySet(url: URL): KeySet {
  return createRemoteJWKSet(url, {
    timeoutDuration: TIMEOUT_MS,
    cacheMaxAge: MAX_AGE_MS,
    cooldownDuration: COOLDOWN_MS,
    [customFetch]: fetchBounded,
  });
}

/** Keys of a file, read again when a minute old: they can be changed while the broker runs. */
export function fileKeySet(path: string, now: () => number = Date.now): KeySet {
  let known: { readonly keys: KeySet; readonly atMs: number } | undefined;
  return async (header, token) => {
    if (known === undefined || now() - known.atMs > FILE_MAX_AGE_MS) {
      const set = JSON.parse(await readFile(path, 'utf8')) as JSONWebKeySet;
      known = { keys: createLocalJWKSet(set), atMs: now() };
    }
    return known.keys(header, token);
  };
}

/** Where public keys come from: a JWK set as it is, in a file, or at a URL. */
export type KeySource =
  | { readonly keys: JSONWebKeySet['keys'] }
  | { readonly file: string }
  | { readonly url: string };

/** Throws BrokerError `invalid-options`. */
export function openKeySet(field: string, source: KeySource): KeySet {
  if ('keys' in source) return createLocalJWKSet({ keys: source.keys });
  if ('file' in source) return fileKeySet(source.file);
  const url = tryParseKeyUrl(source.url);
  if (url !== undefined) return remoteKeySet(url);
  throw new BrokerError(
    'invalid-options',
    `${field}: ${source.url} must be an https URL without credentials`,
  );
}
