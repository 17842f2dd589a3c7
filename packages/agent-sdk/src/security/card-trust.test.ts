import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AgentCard } from '@shoal/protocol';
import { signCard } from '@shoal/protocol/signing';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AgentKeys } from './agent-keys.ts';
import { generateAgentKeys, keySourceOf, keysExtension, publicJwks } from './agent-keys.ts';
import { cardTrust } from './card-trust.ts';
import { RecentMap } from './recent-map.ts';

const CARD: AgentCard = {
  name: 'Pump',
  description: 'Moves water.',
  version: '1.0.0',
  supportedInterfaces: [{ url: 'mqtts://b', protocolBinding: 'x', protocolVersion: '1.0' }],
  capabilities: { streaming: true },
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  skills: [{ id: 'run', name: 'Run', description: 'Runs.', tags: ['pump'] }],
};

let keys: AgentKeys;
beforeAll(async () => {
  keys = await generateAgentKeys();
});

const signed = (jku?: string): Promise<AgentCard> =>
  signCard(CARD, { key: keys.signing, kid: keys.signing.kid!, ...(jku === undefined ? {} : { jku }) });

describe('whose cards are believed (profile: Security Metadata; Trusted JKU policy)', () => {
  it('those signed with a key that was handed over', async () => {
    const trust = cardTrust({ keys: publicJwks(keys) });
    expect(await trust.verify(await signed())).toMatchObject({ ok: true, form: 'spec' });
    const others = cardTrust({ keys: publicJwks(await generateAgentKeys()) });
    expect(await others.verify(await signed())).toMatchObject({ ok: false, reason: 'untrusted-key' });
  });

  it('those whose jku is allowed; the set is fetched once', async () => {
    let fetched = 0;
    const server = createServer((_, response) => {
      fetched += 1;
      response.end(JSON.stringify(publicJwks(keys)));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys/`;
    try {
      const trust = cardTrust({ jku: [base] });
      for (let i = 0; i < 3; i += 1)
        expect(await trust.verify(await signed(`${base}plant.json`))).toMatchObject({ ok: true });
      expect(fetched).toBe(1);
      expect(await trust.verify(await signed())).toMatchObject({ ok: false });
    } finally {
      server.close();
    }
  });

  it('a URL only looks as if it were allowed: it is not followed', () => {
    const trust = cardTrust({ jku: ['https://good.example/keys/', 'https://one.example/jwks.json'] });
    expect(trust.trustsUrl('https://good.example/keys/a.json')).toBe(true);
    expect(trust.trustsUrl('https://one.example/jwks.json')).toBe(true);
    for (const url of [
      'https://good.example.evil.example/keys/a.json',
      'https://good.example@evil.example/keys/a.json',
      'https://user:pw@good.example/keys/a.json',
      'https://good.example/keys/../evil.json',
      'http://good.example/keys/a.json',
      'https://one.example/jwks.json/../x',
      'nonsense',
    ])
      expect([url, trust.trustsUrl(url)]).toEqual([url, false]);
  });

  it('a policy that would trust nothing cannot be made', () => {
    expect(() => cardTrust({})).toThrow(/keys or jku/);
  });
});

describe('the keys of an agent', () => {
  it('the public set holds nothing private, and a card says where it is', () => {
    const set = publicJwks(keys);
    expect(JSON.stringify(set)).not.toContain(keys.signing.d);
    expect(JSON.stringify(set)).not.toContain(keys.encryption.d);
    const card = { ...CARD, capabilities: { extensions: [keysExtension({ jwks: set })] } };
    expect(keySourceOf(card).jwks).toEqual(set);
    const remote = { ...CARD, capabilities: { extensions: [keysExtension({ jwksUri: 'https://k' })] } };
    expect(keySourceOf(remote)).toEqual({ jwksUri: 'https://k' });
    expect(keySourceOf(CARD)).toEqual({});
  });

  it('a cache drops the oldest beyond its bound, and what is too old', () => {
    const map = new RecentMap<number>(2, 100);
    map.set('a', 1, 0);
    map.set('b', 2, 10);
    map.set('c', 3, 20);
    expect([map.get('a', 20), map.get('b', 20), map.get('c', 20)]).toEqual([undefined, 2, 3]);
    expect(map.get('b', 110)).toBeUndefined();
  });
});
