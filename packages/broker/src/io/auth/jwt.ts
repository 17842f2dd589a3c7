import { CARD_ALGORITHMS } from '@shoal/protocol/signing';
import { errors, jwtVerify, type JWTPayload } from 'jose';

import { BrokerError } from '../broker-error.ts';
import type { CredentialGrants } from '../../core/session.ts';
import type { BearerCheck } from '../http/credentials.ts';
import type { Authenticate } from './door.ts';
import { openKeySet, type KeySource } from './key-sets.ts';

export interface JwtOptions {
  readonly jwks: KeySource;
  /** `iss` must be one of these. */
  readonly issuer: string | readonly string[];
  /** `aud` must have one of these. */
  readonly audience: string | readonly string[];
  /** For `exp` and `nbf`. Default 5. */
  readonly clockToleranceSeconds?: number;
  /** Default: asymmetric ones. A shared secret is never accepted. */
  readonly algorithms?: readonly string[];
  /**
   * Claim with the client id, or a list of them, that the token may be used for; as for users, one that ends in `*` is a beginning. A token
   * without the claim is refused. `false`: tokens are not bound to a client id. Default `client_id`.
   */
  readonly clientIdClaim?: string | false;
  /** Claim with the user name for rules and logs. Default `sub`. */
  readonly usernameClaim?: string;
  /** Claim with the namespace. Default: none. */
  readonly namespaceClaim?: string;
  /**
   * Claim with the topic filters that the token names: `{ pub: [], sub: [] }`, as EMQX reads it. They become `grants` of the client, for
   * `authorize` to go by; by themselves they allow nothing. Default `acl`.
   */
  readonly grantsClaim?: string;
}

/** For tokens RSA with any hash, as issuers use it. */
const ASYMMETRIC = [...CARD_ALGORITHMS, 'RS384', 'RS512'];
const DEFAULT_TOLERANCE_SECONDS = 5;
const MAX_TOKEN_BYTES = 16 * 1024;
const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** What jose says of a bad token; anything else is an outage of the key set. */
const BAD_TOKEN = [
  errors.JWTExpired,
  errors.JWTClaimValidationFailed,
  errors.JWTInvalid,
  errors.JWSInvalid,
  errors.JWSSignatureVerificationFailed,
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
];

/** Claims of a token that holds; undefined for one that does not. Rejects when the keys cannot be had. */
type Verify = (token: string) => Promise<JWTPayload | undefined>;

const listOf = (value: string | readonly string[]): string[] =>
  typeof value === 'string' ? [value] : [...value];

function createVerify(options: JwtOptions): Verify {
  const { algorithms = ASYMMETRIC } = options;
  const shared = algorithms.find((algorithm) => !ASYMMETRIC.includes(algorithm));
  if (shared !== undefined)
    throw new BrokerError(
      'invalid-options',
      `jwt.algorithms: ${shared} is not one of ${ASYMMETRIC.join(', ')}`,
    );
  const keys = openKeySet('jwt.jwks', options.jwks);
  const checks = {
    algorithms: [...algorithms],
    issuer: listOf(options.issuer),
    audience: listOf(options.audience),
    clockTolerance: options.clockToleranceSeconds ?? DEFAULT_TOLERANCE_SECONDS,
    requiredClaims: ['exp'],
  };
  if (checks.issuer.length === 0 || checks.audience.length === 0)
    throw new BrokerError('invalid-options', 'jwt: issuer and audience must not be empty');
  return async (token) => {
    if (token.length > MAX_TOKEN_BYTES || !COMPACT_JWS.test(token)) return undefined;
    try {
      return (await jwtVerify(token, keys, checks)).payload;
    } catch (error) {
      if (BAD_TOKEN.some((kind) => error instanceof kind)) return undefined;
      throw error;
    }
  };
}

const textClaim = (claims: JWTPayload, name: string | undefined): string | undefined => {
  const value = name === undefined ? undefined : claims[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

function clientIdsOf(claims: JWTPayload, claim: string): readonly string[] | undefined {
  const value = claims[claim];
  if (typeof value === 'string') return [value];
  return Array.isArray(value) && value.every((id) => typeof id === 'string') ? value : undefined;
}

/** Whatever is no list of texts grants nothing. */
function grantsOf(claims: JWTPayload, claim: string): CredentialGrants | undefined {
  const value = claims[claim];
  if (typeof value !== 'object' || value === null) return undefined;
  const { pub, sub } = value as { readonly pub?: unknown; readonly sub?: unknown };
  const texts = (list: unknown): readonly string[] =>
    Array.isArray(list) ? list.filter((filter) => typeof filter === 'string') : [];
  return { publish: texts(pub), subscribe: texts(sub) };
}

/**
 * Lets in who shows a signed token (JWT, RFC 7519) as the password; the user name of CONNECT does not matter. The client is disconnected
 * when the token ends. Throws BrokerError `invalid-options`.
 */
export function authenticateJwt(options: JwtOptions): Authenticate {
  const {
    clientIdClaim = 'client_id',
    usernameClaim = 'sub',
    namespaceClaim,
    grantsClaim = 'acl',
    clockToleranceSeconds,
  } = options;
  const tolerance = clockToleranceSeconds ?? DEFAULT_TOLERANCE_SECONDS;
  const verify = createVerify(options);
  return async ({ password }) => {
    const claims = password === undefined ? undefined : await verify(password.toString());
    if (claims === undefined) return false;
    const username = textClaim(claims, usernameClaim);
    const clientIds = clientIdClaim === false ? undefined : clientIdsOf(claims, clientIdClaim);
    const namespace = textClaim(claims, namespaceClaim);
    if (username === undefined || (clientIdClaim !== false && clientIds === undefined)) return false;
    if (namespaceClaim !== undefined && namespace === undefined) return false;
    const grants = grantsOf(claims, grantsClaim);
    return {
      username,
      ...(clientIds === undefined ? {} : { clientIds }),
      ...(grants === undefined ? {} : { grants }),
      ...(namespace === undefined ? {} : { namespace }),
      expiresAtMs: ((claims.exp as number) + tolerance) * 1_000,
    };
  };
}

export interface JwtBearerOptions extends Omit<
  JwtOptions,
  'clientIdClaim' | 'usernameClaim' | 'grantsClaim'
> {
  /** Claim that says `administrator` or `viewer`; a token without it is refused. Default `role`. */
  readonly roleClaim?: string;
}

/** For the HTTP listener's `checkBearer`. Throws BrokerError `invalid-options`. */
export function checkJwtBearer(options: JwtBearerOptions): BearerCheck {
  const { roleClaim = 'role', namespaceClaim } = options;
  const verify = createVerify(options);
  return async (token) => {
    const claims = await verify(token);
    const role = claims === undefined ? undefined : textClaim(claims, roleClaim);
    if (claims === undefined || (role !== 'administrator' && role !== 'viewer')) return undefined;
    const namespace = textClaim(claims, namespaceClaim);
    return namespaceClaim !== undefined && namespace === undefined ? undefined : { role, namespace };
  };
}
