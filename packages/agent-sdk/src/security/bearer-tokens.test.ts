import { AUTH_ERRORS } from '@shoal/protocol';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { bearerTokens } from './bearer-tokens.ts';
import type { JSONWebKeySet } from 'jose';

let sign: (claims: Record<string, unknown>, header?: Record<string, unknown>) => Promise<string>;
let jwks: JSONWebKeySet;
beforeAll(async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }] };
  sign = (claims, header = {}) =>
    new SignJWT({ iss: 'https://id.example', aud: 'pump', sub: 'ann', scope: 'read run', ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1', ...header })
      .setExpirationTime((claims['exp'] as string | undefined) ?? '5m')
      .sign(privateKey);
});

const validator = (options: object = {}): ReturnType<typeof bearerTokens> =>
  bearerTokens({ issuer: 'https://id.example', audience: 'pump', jwks, ...options });
const refusal = { error: { code: AUTH_ERRORS.Unauthenticated.code } };

describe('validating access tokens (profile: OAuth 4; V61)', () => {
  it('a good token tells who asks and what is granted', async () => {
    const outcome = await validator({ scopes: ['run'] }).validate([`Bearer ${await sign({})}`]);
    expect(outcome).toMatchObject({
      token: { issuer: 'https://id.example', subject: 'ann', scopes: ['read', 'run'] },
    });
  });

  it.each([
    ['expired', { exp: '-2m' }, 'has expired'],
    ['from another issuer', { iss: 'https://evil.example' }, 'claim iss'],
    ['for another audience', { aud: 'boiler' }, 'claim aud'],
    ['without a subject', { sub: undefined }, 'claim sub'],
  ])('a token that is %s is UNAUTHENTICATED, and the answer does not repeat it', async (_, claims, why) => {
    const token = await sign(claims);
    const outcome = await validator().validate([`Bearer ${token}`]);
    expect(outcome).toMatchObject(refusal);
    expect(JSON.stringify(outcome)).toContain(why);
    expect(JSON.stringify(outcome)).not.toContain(token.split('.')[2]);
  });

  it('a missing scope is PERMISSION_DENIED', async () => {
    const outcome = await validator({ scopes: ['run', 'admin'] }).validate([`Bearer ${await sign({})}`]);
    expect(outcome).toMatchObject({ error: { code: AUTH_ERRORS.PermissionDenied.code } });
    expect(JSON.stringify(outcome)).toContain('admin');
  });

  it('no token, two tokens, another scheme, garbage and a changed signature are refused', async () => {
    const token = await sign({});
    const changed = `${token.slice(0, -4)}AAAA`;
    for (const values of [
      [],
      [`Bearer ${token}`, `Bearer ${token}`],
      [`Basic ${token}`],
      ['Bearer'],
      ['Bearer x'],
      [`Bearer ${'a'.repeat(20_000)}`],
      [`Bearer ${changed}`],
    ])
      expect(await validator().validate(values)).toMatchObject(refusal);
  });

  it('a token signed with a shared secret, or with none, is refused', async () => {
    const claims = {
      iss: 'https://id.example',
      aud: 'pump',
      sub: 'ann',
      exp: Math.floor(Date.now() / 1000) + 60,
    };
    const secret = new TextEncoder().encode(JSON.stringify(jwks.keys[0]));
    const shared = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(secret);
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    for (const token of [shared, `${encode({ alg: 'none' })}.${encode(claims)}.`])
      expect(await validator().validate([`Bearer ${token}`])).toMatchObject(refusal);
  });

  it('a validator that would accept any issuer or audience cannot be made', () => {
    expect(() => validator({ issuer: [] })).toThrow(/issuer/);
    expect(() => validator({ audience: '' })).toThrow(/audience/);
  });
});

describe('the keys of the issuer', () => {
  it('are fetched when they are needed and then cached; an unknown key does not make them be fetched for each token', async () => {
    let fetched = 0;
    const server = createServer((_, response) => {
      fetched += 1;
      response.end(JSON.stringify(jwks));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
    try {
      const remote = validator({ jwks: url });
      for (let i = 0; i < 3; i += 1)
        expect(await remote.validate([`Bearer ${await sign({})}`])).toHaveProperty('token');
      expect(fetched).toBe(1);
      for (let i = 0; i < 3; i += 1)
        expect(await remote.validate([`Bearer ${await sign({}, { kid: 'k2' })}`])).toMatchObject(refusal);
      expect(fetched).toBeLessThanOrEqual(2);
    } finally {
      server.close();
    }
  });

  it('are not fetched over plain HTTP, and no more than 256 kB of them are read', async () => {
    expect(() => validator({ jwks: 'http://id.example/jwks' })).toThrow(/https/);
    const server = createServer((_, response) => response.end(`{"keys":[],"x":"${'y'.repeat(300_000)}"}`));
    server.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
    expect(await validator({ jwks: url }).validate([`Bearer ${await sign({})}`])).toMatchObject(refusal);
    server.close();
  });
});
