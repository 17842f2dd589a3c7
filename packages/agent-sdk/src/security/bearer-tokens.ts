import type { JsonRpcError } from '@shoal/protocol';
import { authError } from '@shoal/protocol';
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import { jwtVerify } from 'jose';
import type { TokenIdentity } from '../core/identity.ts';
import type { TokenValidator } from '../core/protection.ts';
import type { JwksSource } from './jwks.ts';
import { keyGetter } from './jwks.ts';

export interface BearerTokensOptions {
  /** Who may issue tokens: the exact `iss`. */
  readonly issuer: string | readonly string[];
  /** Whom a token must be for: one of these in its `aud`. */
  readonly audience: string | readonly string[];
  /** The issuer's keys: an HTTPS URL of its JWK set, or the set itself. */
  readonly jwks: JwksSource;
  /** All of these must be granted by `scope` (or `scp`). Default: none is asked for. */
  readonly scopes?: readonly string[];
  /** Default ES256, ES384, EdDSA, Ed25519, PS256 and RS256. Shared secrets are never accepted. */
  readonly algorithms?: readonly string[];
  /** Seconds by which clocks may differ. Default 30. */
  readonly clockToleranceSeconds?: number;
  /** Accept tokens over a connection without TLS to a broker on this machine. Default false. For development. */
  readonly allowLoopback?: boolean;
}

const ALGORITHMS = ['ES256', 'ES384', 'EdDSA', 'Ed25519', 'PS256', 'RS256'];
/** A token of more characters is not looked at. */
const MAX_TOKEN_LENGTH = 16_384;

/**
 * Validates the token of every request before anything of the request is processed: `exp`, `iss`, `aud`, signature, scopes (profile:
 * OAuth 4). Give it to `createAgent` as `auth`. A missing or bad token is answered -31401 UNAUTHENTICATED, a missing scope -31403
 * PERMISSION_DENIED. Throws TypeError for options that would accept anything.
 */
export function bearerTokens(options: BearerTokensOptions): TokenValidator {
  for (const name of ['issuer', 'audience'] as const) {
    if (list(options[name]).length === 0 || list(options[name]).includes(''))
      throw new TypeError(`${name} must name at least one, or every token would do`);
  }
  return new BearerTokens(options);
}

class BearerTokens implements TokenValidator {
  readonly allowLoopback: boolean;
  readonly #options: BearerTokensOptions;
  readonly #keyOf: JWTVerifyGetKey;

  constructor(options: BearerTokensOptions) {
    this.#options = options;
    this.allowLoopback = options.allowLoopback ?? false;
    this.#keyOf = keyGetter(options.jwks);
  }

  async validate(
    values: readonly string[],
  ): Promise<{ readonly token: TokenIdentity } | { readonly error: JsonRpcError }> {
    const [value = '', ...more] = values;
    const token = /^bearer +([\w.~+/=-]+)$/i.exec(value)?.[1];
    if (values.length === 0) return refused('send an access token in the user property a2a-authorization');
    if (more.length > 0 || token === undefined || token.length > MAX_TOKEN_LENGTH)
      return refused('a2a-authorization must read "Bearer <access token>", once');
    let claims: JWTPayload;
    try {
      const { issuer, audience, algorithms = ALGORITHMS, clockToleranceSeconds = 30 } = this.#options;
      const verified = await jwtVerify(token, this.#keyOf, {
        issuer: [...list(issuer)],
        audience: [...list(audience)],
        algorithms: [...algorithms],
        clockTolerance: clockToleranceSeconds,
        requiredClaims: ['exp', 'sub'],
      });
      claims = verified.payload;
    } catch (error) {
      return refused(whyRefused(error));
    }
    const scopes = scopesOf(claims);
    const missing = this.#options.scopes?.find((scope) => !scopes.includes(scope));
    if (missing !== undefined)
      return { error: authError('PermissionDenied', `the access token lacks the scope ${missing}`) };
    return { token: { issuer: claims.iss ?? '', subject: claims.sub ?? '', scopes, claims } };
  }
}

/** jose's own messages name claims, never the token; only its codes are used all the same. */
function whyRefused(error: unknown): string {
  const { code, claim } = error as { readonly code?: unknown; readonly claim?: unknown };
  if (code === 'ERR_JWT_EXPIRED') return 'the access token has expired: get a new one';
  if (code === 'ERR_JWT_CLAIM_VALIDATION_FAILED' && typeof claim === 'string')
    return `the claim ${claim} of the access token is not what this agent wants`;
  if (code === 'ERR_JWKS_NO_MATCHING_KEY') return 'the access token is signed with a key that is not known';
  if (code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED')
    return 'the signature of the access token does not hold';
  if (code === 'ERR_JOSE_ALG_NOT_ALLOWED')
    return 'the access token is signed with an algorithm that is not accepted';
  if (code === 'ERR_JWS_INVALID' || code === 'ERR_JWT_INVALID') return 'the access token is not a JWT';
  return 'the access token could not be validated';
}

function scopesOf({ scope, scp }: JWTPayload): readonly string[] {
  const granted = scope ?? scp;
  if (Array.isArray(granted)) return granted.filter((one) => typeof one === 'string');
  return typeof granted === 'string' ? granted.split(' ').filter((one) => one !== '') : [];
}

function refused(why: string): { readonly error: JsonRpcError } {
  return { error: authError('Unauthenticated', why) };
}

function list(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value;
}
