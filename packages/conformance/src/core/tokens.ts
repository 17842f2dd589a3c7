import { generateKeyPairSync, randomUUID, sign, type JsonWebKey, type KeyObject } from 'node:crypto';

export interface Claims {
  readonly iss?: string;
  readonly aud?: string;
  readonly scope?: string;
  /** Seconds from now; negative for a token that has expired. */
  readonly expiresInSeconds?: number;
}

export const ISSUER = 'https://issuer.conformance.invalid';
export const AUDIENCE = 'conformance-agent';
export const SCOPE = 'tasks';

/** An authority of the kit's own, whose tokens a test agent is told to trust. */
export class TokenIssuer {
  readonly jwks: string;
  readonly #key: KeyObject;
  readonly #kid = randomUUID();

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#key = privateKey;
    const jwk: JsonWebKey = publicKey.export({ format: 'jwk' });
    this.jwks = JSON.stringify({ keys: [{ ...jwk, kid: this.#kid, alg: 'ES256', use: 'sig' }] });
  }

  /** A JWT (RFC 7519, ES256) that is valid unless the claims say otherwise. `nowSeconds` is since 1970. */
  token(nowSeconds: number, claims: Claims = {}): string {
    const { iss = ISSUER, aud = AUDIENCE, scope = SCOPE, expiresInSeconds = 600 } = claims;
    const header = encode({ alg: 'ES256', typ: 'JWT', kid: this.#kid });
    const iat = nowSeconds - 60;
    const exp = nowSeconds + expiresInSeconds;
    const body = encode({ iss, aud, scope, sub: 'conformance', jti: randomUUID(), iat, exp });
    const signature = sign('sha256', Buffer.from(`${header}.${body}`), {
      key: this.#key,
      dsaEncoding: 'ieee-p1363',
    });
    return `${header}.${body}.${signature.toString('base64url')}`;
  }
}

/** The same token with another subject: its signature no longer fits. */
export function tampered(token: string): string {
  const [header = '', body = '', signature = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as object;
  return [header, encode({ ...claims, sub: 'somebody-else' }), signature].join('.');
}

/** The same claims without any signature. */
export function unsigned(token: string): string {
  return `${encode({ alg: 'none', typ: 'JWT' })}.${token.split('.')[1] ?? ''}.`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
