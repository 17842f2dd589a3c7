import { readFile } from 'node:fs/promises';
import { CliError, usageError } from '../errors.ts';

/** A private key as JWK (RFC 7517), with what a signature says of it. */
export interface FileKey {
  readonly key: { readonly kty: string } & Readonly<Record<string, unknown>>;
  readonly kid: string;
  readonly alg: string;
}

/** What a key signs with when it does not say; by `crv`, of RSA keys by `kty`. */
const ALGORITHMS: Readonly<Record<string, string>> = {
  'P-256': 'ES256',
  'P-384': 'ES384',
  'P-521': 'ES512',
  Ed25519: 'EdDSA',
  RSA: 'PS256',
};

/** Reads a private JWK. `kid`: instead of the key's own. Rejects with CliError `usage` that names what the file lacks. */
export async function readSigningKey(path: string, kid?: string): Promise<FileKey> {
  const wrong = (what: string): CliError => usageError(`--signing-key: ${path} ${what}`, 'invalid-key');
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw usageError(`--signing-key: ${cause instanceof Error ? cause.message : String(cause)}`);
  });
  const jwk = tryObject(text);
  if (jwk === undefined) throw wrong('holds no JWK, which is a JSON object');
  const { kty, crv, d, alg } = jwk;
  if (typeof kty !== 'string') throw wrong('has no kty: it takes one key as JWK, no set and no PEM');
  if (typeof d !== 'string') throw wrong('is no private key: it has no d');
  const named = kid ?? jwk['kid'];
  if (typeof named !== 'string' || named === '')
    throw wrong('has no kid, by which devices find the public key: add one, or say --kid');
  const kind = typeof crv === 'string' ? crv : kty;
  const signs = typeof alg === 'string' ? alg : ALGORITHMS[kind];
  if (signs === undefined) throw wrong(`is of a kind that signs no approvals: ${kind}`);
  return { key: { ...jwk, kty }, kid: named, alg: signs };
}

function tryObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
