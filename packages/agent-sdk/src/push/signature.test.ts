import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AgentCard } from '@shoal/protocol';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { httpPush } from './http-push.ts';
import {
  pushKeysOf,
  pushSignaturesExtension,
  verifyPush,
  type PushSigning,
  type ReceivedPush,
} from './signature.ts';

afterEach(() => void vi.useRealTimers());

function ed25519(keyId: string): PushSigning {
  return { key: generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }), keyId };
}

function elliptic(namedCurve: string): PushSigning {
  return {
    key: generateKeyPairSync('ec', { namedCurve }).privateKey.export({ format: 'jwk' }),
    keyId: namedCurve,
  };
}

function cardWith(...keys: PushSigning[]): AgentCard {
  const extensions = [pushSignaturesExtension(...keys)];
  return { capabilities: { extensions } } as unknown as AgentCard;
}

/** What a receiver gets of one signed notification. */
async function received(sign: PushSigning): Promise<ReceivedPush> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?for=me`;
  const arrived = new Promise<ReceivedPush>((resolve) => {
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        response.writeHead(204, { connection: 'close' }).end();
        resolve({ url, headers: request.headers, body: Buffer.concat(chunks) });
      });
    });
  });
  const transport = httpPush({ allowHttp: true, allowPrivate: true, sign });
  const headers = { 'content-type': 'application/a2a+json', authorization: 'Bearer for-the-receiver' };
  const post = { url, headers, body: '{"task":"ü"}', signal: new AbortController().signal };
  expect(await transport.post(post)).toEqual({ status: 204 });
  void transport.close?.();
  server.close();
  return arrived;
}

describe('signed push notifications', () => {
  it.each([
    ['Ed25519', ed25519('k')],
    ['P-256', elliptic('P-256')],
    ['P-384', elliptic('P-384')],
  ])('a receiver verifies one by the key in the card: %s', async (_, key) => {
    const push = await received(key);
    expect(push.headers['authorization']).toBe('Bearer for-the-receiver');
    expect(await verifyPush(push, pushKeysOf(cardWith(ed25519('other'), key)))).toEqual({
      ok: true,
      keyId: key.keyId,
    });
  });

  it('the card gives away no private key', () => {
    const key = ed25519('k');
    expect(JSON.stringify(cardWith(key))).not.toContain(key.key.d);
    const { d: _, ...open } = key.key;
    expect(() => pushSignaturesExtension({ key: open, keyId: 'k' })).toThrow(/private JWK/);
  });

  it('what was changed, is for another URL, of a stranger, or unsigned, is refused and told why', async () => {
    const key = ed25519('k');
    const push = await received(key);
    const keys = pushKeysOf(cardWith(key));
    const refusal = async (changed: Partial<ReceivedPush>, keyOf = keys): Promise<string> => {
      const result = await verifyPush({ ...push, ...changed }, keyOf);
      return result.ok ? 'it was accepted' : result.why;
    };
    expect(await refusal({ body: '{"task":"u"}' })).toMatch(/body/);
    expect(await refusal({ url: push.url.replace('me', 'you') })).toMatch(/not valid/);
    expect(await refusal({ headers: { ...push.headers, 'content-type': 'text/plain' } })).toMatch(
      /not valid/,
    );
    expect(await refusal({}, pushKeysOf(cardWith(ed25519('k'))))).toMatch(/not valid/);
    expect(await refusal({}, pushKeysOf(cardWith(ed25519('other'))))).toMatch(/key k is not known/);
    expect(await refusal({ headers: { 'content-type': 'application/a2a+json' } })).toMatch(/not signed/);
    expect(await refusal({ headers: { ...push.headers, signature: 'a2a-push=nonsense' } })).not.toBe(
      'it was accepted',
    );
  });

  it('an old one is refused', async () => {
    const key = ed25519('k');
    const push = await received(key);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 400_000 });
    expect((await verifyPush(push, pushKeysOf(cardWith(key)))).ok).toBe(false);
    expect(await verifyPush(push, pushKeysOf(cardWith(key)), { maxAgeSeconds: 500 })).toMatchObject({
      ok: true,
    });
  });

  it('a key of another kind is refused at once', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
    expect(() => httpPush({ sign: { key: rsa, keyId: 'k' } })).toThrow(/Ed25519, or EC/);
  });
});
