import { randomUUID } from 'node:crypto';
import type { SpawnOrder } from '@shoal/workflow';
import { importJWK, SignJWT, type CryptoKey, type JWK } from 'jose';
import type { AccessGrant } from '@shoal/protocol';
import { mcpScopeOf, scopeOf } from '../core/instance-scope.ts';
import type { CredentialIssuer } from '../types.ts';

export interface JwtIssuerOptions {
  /** The private key that the broker knows the public half of. It stays in this process. */
  readonly key: CryptoKey | JWK;
  /** Default: `alg` of the JWK, else ES256. */
  readonly algorithm?: string;
  readonly keyId?: string;
  /** Claims `iss` and `aud`. */
  readonly issuer: string;
  readonly audience: string;
  /** Life of a step's credential: longer than its steps wait and work. Default 3600. */
  readonly stepSeconds?: number;
  /** Of a long-lived agent's; it is started anew, with a fresh one, when that ends. Default 86 400. */
  readonly agentSeconds?: number;
  /** Topic filters that a blueprint needs beyond the scope of its instances, as claims for brokers that read `acl`. */
  readonly topics?: (order: SpawnOrder) => {
    readonly publish?: readonly string[];
    readonly subscribe?: readonly string[];
  };
  /**
   * The servers of MCP over MQTT that an instance may use or be, by the blueprint and the `config` of its order. Default none: then it can
   * not even connect as an MCP client. With any, its MCP client ids begin with `mcpClientIdOf` of `@shoal/protocol`.
   */
  readonly mcp?: (order: SpawnOrder) => McpScope | undefined;
}

export interface McpScope {
  /** What `mcpClientAccess` and `mcpServerAccess` of `@shoal/mcp-mqtt` give for these servers. */
  readonly access: readonly Pick<AccessGrant, 'action' | 'filter'>[];
  /** Ids of the servers that it runs itself: it connects with them. */
  readonly serverIds?: readonly string[];
}

/**
 * Gives each spawned agent a signed token of its own (JWT, RFC 7519) as its password: `sub` says what it is, `client_id` which ids it may
 * connect with, `acl` (`pub`, `sub`, as EMQX reads it) which topics it may use. With `@shoal/broker`: `authenticateJwt` and
 * `instanceAccess`. Throws TypeError for a key that cannot sign.
 */
export function jwtIssuer(options: JwtIssuerOptions): CredentialIssuer {
  const { issuer, audience, keyId, stepSeconds = 3_600, agentSeconds = 86_400 } = options;
  const given = options.key;
  const alg = options.algorithm ?? (isJwk(given) ? given.alg : undefined) ?? 'ES256';
  if (alg.startsWith('HS'))
    throw new TypeError('jwtIssuer: a shared secret would let every broker issue; use an asymmetric key');
  let signer: Promise<CryptoKey | Uint8Array> | undefined;
  return {
    async issue(order) {
      signer ??= isJwk(given) ? importJWK(given, alg) : Promise.resolve(given);
      const key = await signer;
      const { subject, clientIds, publish, subscribe } = scopeOf(order);
      const more = options.topics?.(order) ?? {};
      const mcp = mcpScopeOf(order, options.mcp?.(order));
      const seconds = Math.floor(Date.now() / 1000);
      const ends = seconds + (order.kind === 'step' ? stepSeconds : agentSeconds);
      const password = await new SignJWT({
        client_id: [...clientIds, ...mcp.clientIds],
        acl: {
          pub: [...publish, ...(more.publish ?? []), ...mcp.publish],
          sub: [...subscribe, ...(more.subscribe ?? []), ...mcp.subscribe],
        },
      })
        .setProtectedHeader({ alg, ...(keyId === undefined ? {} : { kid: keyId }) })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(subject)
        .setJti(randomUUID())
        .setIssuedAt(seconds)
        .setExpirationTime(ends)
        .sign(key);
      return { username: subject, password, expiresAtMs: ends * 1000 };
    },
  };
}

function isJwk(key: CryptoKey | JWK): key is JWK {
  return 'kty' in key;
}
