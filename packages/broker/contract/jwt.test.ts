import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  exportJWK,
  generateKeyPair,
  SignJWT,
  UnsecuredJWT,
  type CryptoKey,
  type JWK,
  type JWTPayload,
} from 'jose';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import {
  authenticateAny,
  authenticateJwt,
  checkJwtBearer,
  createBroker,
  isBrokerError,
  type Admission,
  type JwtOptions,
} from '../src/index.ts';
import { Clients, disconnected } from './mqtt-clients.ts';

const CLIENT_ID = 'acme/plant/pump-01';
const ISSUER = 'https://issuer.example';
let key: CryptoKey;
let stranger: CryptoKey;
let jwk: JWK;

beforeAll(async () => {
  const pair = await generateKeyPair('ES256', { extractable: true });
  key = pair.privateKey;
  jwk = { ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'ES256' };
  stranger = (await generateKeyPair('ES256')).privateKey;
});

const now = (): number => Math.floor(Date.now() / 1_000);
const claims = (changes: JWTPayload = {}): JWTPayload => ({
  iss: ISSUER,
  aud: 'broker',
  sub: 'pump-01',
  exp: now() + 60,
  client_id: CLIENT_ID,
  ...changes,
});
const sign = (payload: JWTPayload, signer = key): Promise<string> =>
  new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'one' }).sign(signer);
const base = (): JwtOptions => ({ jwks: { keys: [jwk] }, issuer: ISSUER, audience: ['broker', 'other'] });
const ask = async (options: JwtOptions, token: string): Promise<boolean | Admission> =>
  authenticateJwt(options)({
    clientId: CLIENT_ID,
    username: 'ignored',
    password: Buffer.from(token),
    remote: 'r:1',
    certificate: undefined,
  });

describe('a JWT', () => {
  it('lets its subject in under its client id, until it ends', async () => {
    const exp = now() + 60;
    expect(await ask(base(), await sign(claims({ exp })))).toEqual({
      username: 'pump-01',
      clientIds: [CLIENT_ID],
      expiresAtMs: (exp + 5) * 1_000,
    });
  });

  it('is refused when anything about it is wrong', async () => {
    const { exp: _exp, ...endless } = claims();
    const { client_id: _id, ...unbound } = claims();
    const { sub: _sub, ...nobody } = claims();
    const shared = new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', kid: 'one' });
    const unknown = new SignJWT(claims()).setProtectedHeader({ alg: 'ES256', kid: 'two' });
    const tokens: Readonly<Record<string, string>> = {
      expired: await sign(claims({ exp: now() - 10 })),
      'not valid yet': await sign(claims({ nbf: now() + 60 })),
      'without end': await sign(endless),
      'of another issuer': await sign(claims({ iss: 'https://other.example' })),
      'for another audience': await sign(claims({ aud: 'elsewhere' })),
      'without client id': await sign(unbound),
      'with a client id that is no text': await sign(claims({ client_id: 7 })),
      'without subject': await sign(nobody),
      'signed by another': await sign(claims(), stranger),
      'signed with a key nobody knows': await unknown.sign(key),
      'signed with a shared secret': await shared.sign(Buffer.from(JSON.stringify(jwk))),
      unsigned: new UnsecuredJWT(claims()).encode(),
      'changed afterwards': (await sign(claims())).replace(
        /\.[^.]+\./,
        `.${Buffer.from('{}').toString('base64url')}.`,
      ),
      huge: `${'a'.repeat(20_000)}.b.c`,
      'no token': 'secret',
      empty: '',
    };
    for (const [what, token] of Object.entries(tokens))
      expect([what, await ask(base(), token)]).toEqual([what, false]);
  });

  it('is forgiven a clock that is a little off', async () => {
    const token = await sign(claims({ exp: now() - 3 }));
    expect(await ask(base(), token)).toBeTruthy();
    expect(await ask({ ...base(), clockToleranceSeconds: 0 }, token)).toBe(false);
  });

  it('may name several client ids, a namespace, and its claims otherwise', async () => {
    const token = await sign(claims({ ids: ['a', 'b*'], tenant: 'acme', name: 'n' }));
    const options = { ...base(), clientIdClaim: 'ids', namespaceClaim: 'tenant', usernameClaim: 'name' };
    expect(await ask(options, token)).toMatchObject({
      username: 'n',
      clientIds: ['a', 'b*'],
      namespace: 'acme',
    });
    expect(await ask({ ...options, namespaceClaim: 'none' }, token)).toBe(false);
    expect(await ask({ ...base(), clientIdClaim: false }, token)).not.toHaveProperty('clientIds');
  });

  it('refuses options that would let anyone in', () => {
    for (const wrong of [
      { algorithms: ['HS256'] },
      { algorithms: ['none'] },
      { issuer: [] },
      { jwks: { url: 'http://keys.example/jwks' } },
      { jwks: { url: 'https://user:secret@keys.example/' } },
    ])
      expect(() => authenticateJwt({ ...base(), ...wrong })).toThrow(
        expect.toSatisfy((error) => isBrokerError(error, 'invalid-options')),
      );
  });
});

describe('keys', () => {
  let server: Server;
  let asked = 0;
  let body: () => string;
  const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;

  const serve = async (): Promise<void> => {
    asked = 0;
    server = createServer((_request, response) => {
      asked++;
      response.end(body());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  };
  afterEach(
    () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  );

  it('come from a URL once for many tokens', async () => {
    body = () => JSON.stringify({ keys: [jwk] });
    await serve();
    const authenticate = authenticateJwt({ ...base(), jwks: { url: url() } });
    const token = Buffer.from(await sign(claims()));
    const request = { clientId: CLIENT_ID, username: undefined, remote: 'r:1', certificate: undefined };
    for (let i = 0; i < 5; i++) expect(await authenticate({ ...request, password: token })).toBeTruthy();
    expect(asked).toBe(1);
  });

  it('that are too many bytes, or not to be had, are an outage and no refusal', async () => {
    body = () => JSON.stringify({ keys: [jwk], padding: 'x'.repeat(200_000) });
    await serve();
    await expect(ask({ ...base(), jwks: { url: url() } }, await sign(claims()))).rejects.toThrow(
      /larger than/,
    );
    const broker = createBroker({ authenticate: authenticateJwt({ ...base(), jwks: { url: url() } }) });
    const { tcp } = await broker.start();
    const clients = new Clients();
    const options = { clientId: CLIENT_ID, username: 'u', password: await sign(claims()) };
    await expect(clients.connect(tcp?.url as string, options)).rejects.toMatchObject({ code: 0x88 });
    await broker.stop();
  });

  it('come from a file', async () => {
    body = () => '';
    await serve();
    const directory = await mkdtemp(join(tmpdir(), 'shoal-jwks-'));
    const file = join(directory, 'jwks.json');
    await writeFile(file, JSON.stringify({ keys: [jwk] }));
    expect(await ask({ ...base(), jwks: { file } }, await sign(claims()))).toBeTruthy();
    await rm(directory, { recursive: true });
  });
});

describe('a broker that takes tokens', () => {
  it('disconnects a client when its token ends, and keeps its client id for it', async () => {
    const authenticate = authenticateAny([
      () => false,
      authenticateJwt({ ...base(), clockToleranceSeconds: 0 }),
    ]);
    const broker = createBroker({ authenticate });
    const url = (await broker.start()).tcp?.url as string;
    const clients = new Clients();
    const password = await sign(claims({ exp: now() + 2 }));
    const other = { clientId: 'acme/plant/pump-02', username: 'u', password };
    await expect(clients.connect(url, other)).rejects.toMatchObject({ code: 0x85 });
    const client = await clients.connect(url, { clientId: CLIENT_ID, username: 'u', password });
    expect(await disconnected(client)).toBe(0x87);
    clients.closeAll();
    await broker.stop();
  });

  it('takes them for its management API, with the role that they carry', async () => {
    const check = checkJwtBearer(base());
    expect(await check(await sign(claims({ role: 'viewer' })))).toEqual({
      role: 'viewer',
      namespace: undefined,
    });
    expect(await check(await sign(claims({ role: 'root' })))).toBe(undefined);
    expect(await check(await sign(claims()))).toBe(undefined);
  });
});
