import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose';
import { createLocalJWKSet, createRemoteJWKSet, customFetch } from 'jose';

/** A JWK set, or the HTTPS URL of one. */
export type JwksSource = string | URL | JSONWebKeySet;

const TIMEOUT_MS = 5_000;
/** An unknown `kid` makes the set be fetched again, no sooner than this after the last time. */
const COOLDOWN_MS = 30_000;
const MAX_AGE_MS = 600_000;
const MAX_BYTES = 262_144;

/** Finds keys in the set. A remote one is fetched when it is needed, cached for ten minutes, and bounded in time and size. */
export function keyGetter(source: JwksSource): JWTVerifyGetKey {
  if (typeof source === 'object' && 'keys' in source) return createLocalJWKSet(source);
  return createRemoteJWKSet(checkedUrl(source), {
    timeoutDuration: TIMEOUT_MS,
    cooldownDuration: COOLDOWN_MS,
    cacheMaxAge: MAX_AGE_MS,
    [customFetch]: fetchBounded,
  });
}

/** Fetches a JWK set once. Rejects when it is too large, too slow, or no JWK set. */
export async function fetchJwks(url: string): Promise<JSONWebKeySet> {
  const response = await fetchBounded(checkedUrl(url).href, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const set = (await response.json()) as Partial<JSONWebKeySet> | null;
  if (!response.ok || !Array.isArray(set?.keys)) throw new Error(`${url} is no JWK set`);
  return set as JSONWebKeySet;
}

/** Keys over plain HTTP would be anybody's keys (profile: Security Metadata 3); this machine is spared for development. */
export function checkedUrl(source: string | URL): URL {
  const url = new URL(source);
  const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && loopback)) return url;
  throw new TypeError(`a JWK set must be fetched over https, not from ${url.protocol}//${url.host}`);
}

/** Redirects are not followed: they would lead around the check of the URL. */
async function fetchBounded(url: string, options: object): Promise<Response> {
  const response = await fetch(url, { ...options, redirect: 'error' });
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
    bytes += part.value.length;
    if (bytes > MAX_BYTES) {
      await reader?.cancel();
      throw new Error(`the JWK set of ${url} is larger than ${MAX_BYTES} bytes`);
    }
    chunks.push(part.value);
  }
  const { status, statusText, headers } = response;
  const text = new TextDecoder().decode(concat(chunks, bytes));
  return new Response(bytes === 0 ? null : text, { status, statusText, headers });
}

function concat(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
