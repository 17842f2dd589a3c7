import type { AgentAddress, AgentCard, AgentExtension } from '@shoal/protocol';
import { MQTT_BINDING } from '@shoal/protocol';
import type { JSONWebKeySet, JWK } from 'jose';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';

/** URI of the card extension that holds, or points to, the keys of an agent: `params.jwks`, or `params.jwksUri` over HTTPS. */
export const KEYS_EXTENSION = `${MQTT_BINDING.uri}#keys`;

/** The private keys of one agent, as JWKs with `kid` and `alg`. Keep them where its other secrets are. */
export interface AgentKeys {
  /** Signs messages and cards. */
  readonly signing: JWK;
  /** Decrypts what is sent to the agent. */
  readonly encryption: JWK;
}

/** New keys: ES256 to sign, ECDH-ES on P-256 to decrypt. Their ids are their thumbprints (RFC 7638). */
export async function generateAgentKeys(): Promise<AgentKeys> {
  return {
    signing: await generate('ES256', 'sig'),
    encryption: await generate('ECDH-ES', 'enc'),
  };
}

/** What others may know of the keys. */
export function publicJwks(keys: AgentKeys): JSONWebKeySet {
  return { keys: [publicPart(keys.signing), publicPart(keys.encryption)] };
}

/** For `card.capabilities.extensions`: where others find the keys. Who does not trust the card does not trust keys inside it. */
export function keysExtension(
  source: { readonly jwks: JSONWebKeySet } | { readonly jwksUri: string },
): AgentExtension {
  return {
    uri: KEYS_EXTENSION,
    description: 'Public keys of this agent.',
    required: false,
    params: { ...source },
  };
}

/** Where a card says that the keys of its agent are (profile: Security Metadata 1). */
export function keySourceOf(card: AgentCard): { readonly jwks?: JSONWebKeySet; readonly jwksUri?: string } {
  for (const { params } of card.capabilities.extensions ?? []) {
    const { jwks, jwksUri } = (params ?? {}) as { readonly jwks?: unknown; readonly jwksUri?: unknown };
    if (isJwks(jwks)) return { jwks };
    if (typeof jwksUri === 'string' && jwksUri !== '') return { jwksUri };
  }
  return {};
}

export function nameOf({ org, unit, agentId }: AgentAddress): string {
  return `${org}/${unit}/${agentId}`;
}

function isJwks(value: unknown): value is JSONWebKeySet {
  return typeof value === 'object' && value !== null && Array.isArray((value as { keys?: unknown }).keys);
}

async function generate(alg: string, use: 'sig' | 'enc'): Promise<JWK> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, alg, use, kid: await calculateJwkThumbprint(jwk) };
}

/** The members of a private key that RFC 7518 §6 calls private are left out, whatever its type. */
function publicPart(key: JWK): JWK {
  const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, oth: _oth, k: _k, key_ops: _ops, ...open } = key;
  return open;
}
