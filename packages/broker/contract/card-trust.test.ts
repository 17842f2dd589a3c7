import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { AgentCard } from '@shoal/protocol';
import { signCard } from '@shoal/protocol/signing';
import { exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createBroker, isBrokerError, type Broker, type TrustOptions } from '../src/index.ts';
import { baseline } from '../test/cards.ts';
import { Clients, Inbox } from './mqtt-clients.ts';

const clients = new Clients();
let broker: Broker;
let url: string;
let keyServer: Server;
let keyUrl: string;
let asked: number;
let key: CryptoKey;
let jwk: JWK;

beforeEach(async () => {
  const pair = await generateKeyPair('ES256', { extractable: true });
  key = pair.privateKey;
  jwk = { ...(await exportJWK(pair.publicKey)), kid: 'k', alg: 'ES256' };
  asked = 0;
  keyServer = createServer((_request, response) => {
    asked++;
    response.end(JSON.stringify({ keys: [jwk] }));
  });
  await new Promise<void>((resolve) => keyServer.listen(0, '127.0.0.1', resolve));
  keyUrl = `http://127.0.0.1:${(keyServer.address() as AddressInfo).port}/`;
});

afterEach(async () => {
  clients.closeAll();
  await broker.stop();
  keyServer.closeAllConnections();
  await new Promise<void>((resolve) => keyServer.close(() => resolve()));
});

async function start(trust: TrustOptions): Promise<void> {
  broker = createBroker({ allowAnonymous: true, registry: { trust } });
  url = (await broker.start()).tcp?.url as string;
}

const card = (jwksUri?: string): AgentCard => ({
  ...baseline(),
  ...(jwksUri === undefined
    ? {}
    : {
        capabilities: {
          extensions: [{ uri: 'urn:a2a:mqtt-profile:v1', params: { securityMetadata: { jwksUri } } }],
        },
      }),
});

/** Reason code and Reason String of the answer; `taken` when it was accepted. */
async function publish(payload: unknown, clientId = 'o/u/a'): Promise<string> {
  const agent = await clients.connect(url, { clientId });
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  try {
    await agent.publishAsync(`$a2a/v1/discovery/${clientId}`, text, { retain: true, qos: 1 });
    return 'taken';
  } catch (error) {
    const { code, message } = error as { code: number; message: string };
    return `${code.toString(16)} ${message}`;
  }
}

describe('cards that must be signed', () => {
  it('are taken with a signature under a known key, and refused otherwise', async () => {
    await start({ requireSignature: true, keys: { keys: [jwk] } });
    const signed = await signCard(card(), { key, kid: 'k', alg: 'ES256' });
    expect(await publish(signed)).toBe('taken');
    expect(await publish(card())).toMatch(/^87/);
    expect(await publish({ ...signed, name: 'forged' })).toMatch(/^87/);
    const other = await generateKeyPair('ES256');
    expect(await publish(await signCard(card(), { key: other.privateKey, kid: 'k', alg: 'ES256' }))).toMatch(
      /^87/,
    );
    expect(await publish('{"name":1}')).toMatch(/^99/);
    expect(await publish('')).toBe('taken');
    const rejection = await broker.registry.register(
      { org: 'o', unit: 'u', agentId: 'b' },
      JSON.stringify(card()),
    );
    expect(rejection).toMatchObject({ rule: 'R9', reason: expect.stringMatching(/^R9 signatures: /) });
    expect(
      await broker.registry.register({ org: 'o', unit: 'u', agentId: 'b' }, JSON.stringify(signed)),
    ).toBe(undefined);
  });

  it('SM3: are checked with keys that are fetched from trusted places only, once', async () => {
    await start({ requireSignature: true, trustedJkus: [keyUrl] });
    const signed = (jwksUri: string, jku?: string) =>
      signCard(card(jwksUri), { key, kid: 'k', alg: 'ES256', ...(jku === undefined ? {} : { jku }) });
    expect(await publish(await signed(`${keyUrl}jwks`))).toBe('taken');
    expect(await publish(await signed(`${keyUrl}jwks`, `${keyUrl}jwks`))).toBe('taken');
    expect(asked).toBe(1);
    expect(await publish(await signed('https://elsewhere.example/jwks', `${keyUrl}jwks`))).toMatch(/^87/);
    expect(
      await publish(await signed(`${keyUrl}../jwks`.replace('127.0.0.1', '127.0.0.1.evil.example'))),
    ).toMatch(/^87/);
    expect(asked).toBe(1);
  });

  it('hold back what the agent sends behind them, in order', async () => {
    await start({ requireSignature: true, keys: { keys: [jwk] } });
    const watcher = await clients.connect(url);
    const inbox = new Inbox(watcher);
    await watcher.subscribeAsync(['$a2a/v1/discovery/+/+/+', 'behind'], { qos: 1 });
    const agent = await clients.connect(url, { clientId: 'o/u/a' });
    const versions = ['1', '2', '3'];
    const texts = await Promise.all(
      versions.map(async (version) =>
        JSON.stringify(await signCard({ ...card(), version }, { key, kid: 'k', alg: 'ES256' })),
      ),
    );
    const sent = texts.flatMap((text, i) => [
      agent.publishAsync('$a2a/v1/discovery/o/u/a', text, { retain: true, qos: 1 }),
      agent.publishAsync('behind', versions[i] as string, { qos: 1 }),
    ]);
    await Promise.all(sent);
    const got: string[] = [];
    for (let i = 0; i < 6; i++) {
      const { topic, payload } = await inbox.next();
      got.push(topic === 'behind' ? payload : (JSON.parse(payload) as { version: string }).version);
    }
    expect(got).toEqual(['1', '1', '2', '2', '3', '3']);
  });

  it('as wills are refused at CONNECT, and sent when they were good', async () => {
    await start({ requireSignature: true, keys: { keys: [jwk] } });
    const willOf = (payload: unknown) => ({
      topic: '$a2a/v1/discovery/o/u/a',
      payload: Buffer.from(JSON.stringify(payload)),
      qos: 1 as const,
      retain: true,
    });
    const bad = clients.connect(url, { clientId: 'o/u/a', will: willOf(card()) });
    await expect(bad).rejects.toMatchObject({ code: 0x87 });
    const watcher = await clients.connect(url);
    const inbox = new Inbox(watcher);
    await watcher.subscribeAsync('$a2a/v1/discovery/+/+/+', { qos: 1 });
    const signed = await signCard(card(), { key, kid: 'k', alg: 'ES256' });
    const dying = await clients.connect(url, { clientId: 'o/u/a', will: willOf(signed) });
    dying.stream.destroy();
    expect(JSON.parse((await inbox.next()).payload)).toEqual(JSON.parse(JSON.stringify(signed)));
  });
});

describe('cards that must name trusted keys', () => {
  it('SM2: are refused without a place for their keys, and with one that is not trusted', async () => {
    await start({ trustedJkus: ['https://keys.example/plant/', 'https://keys.example/one.json'] });
    const uris: Readonly<Record<string, boolean>> = {
      'https://keys.example/plant/a.json': true,
      'https://keys.example/one.json': true,
      'https://keys.example/one.json.evil': false,
      'https://keys.example/plant/../other.json': false,
      'http://keys.example/plant/a.json': false,
      'https://keys.example.evil/plant/a.json': false,
      'https://user@keys.example/plant/a.json': false,
      nonsense: false,
    };
    for (const [uri, trusted] of Object.entries(uris))
      expect([uri, (await publish(card(uri))) === 'taken']).toEqual([uri, trusted]);
    expect(await publish(card())).toMatch(/^87/);
  });

  it('are no use without any place', async () => {
    await start({});
    expect(await publish(card())).toBe('taken');
    for (const trust of [{ requireSignature: true }, { trustedJkus: ['ftp://x'] }])
      expect(() => createBroker({ allowAnonymous: true, registry: { trust } })).toThrow(
        expect.toSatisfy((error) => isBrokerError(error, 'invalid-options')),
      );
  });
});
