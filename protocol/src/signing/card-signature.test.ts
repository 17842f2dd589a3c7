import { exportJWK, generateKeyPair } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { MESSAGES } from '../../test/a2a-field-table.ts';
import { parseTable } from '../../test/field-table.ts';
import type { AgentCard } from '../schemas/agent-card.ts';
import { CARD_SHAPES, cardSigningInput } from './card-form.ts';
import type { SigningKey } from './index.ts';
import { signCard, verifyCard } from './index.ts';

const CARD: AgentCard = {
  name: 'Pump',
  description: 'Moves water.',
  version: '1.2.0',
  supportedInterfaces: [{ url: 'mqtts://b', protocolBinding: 'x', protocolVersion: '1.0', tenant: '' }],
  capabilities: { streaming: false, extensions: [{ uri: 'u', required: false, params: { empty: '' } }] },
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  skills: [{ id: 'run', name: 'Run', description: 'Runs.', tags: ['pump'], examples: [] }],
};

let signingKey: SigningKey;
let publicKey: SigningKey;
beforeAll(async () => {
  const pair = await generateKeyPair('ES256', { extractable: true });
  signingKey = pair.privateKey;
  publicKey = await exportJWK(pair.publicKey);
});

const sign = (card: AgentCard): Promise<AgentCard> =>
  signCard(card, { key: signingKey, kid: 'k1', alg: 'ES256' });
const trusted = (): SigningKey => publicKey;

describe('the signed form (A2A §8.4.1)', () => {
  it('the shapes are those of the field table: which defaults are dropped, and where messages are nested', () => {
    const table = parseTable(MESSAGES);
    const scalars = ['string', 'bool', 'int32', 'bytes', 'Timestamp', 'Struct', 'Value'];
    for (const [type, shape] of Object.entries(CARD_SHAPES)) {
      const fields = Object.entries(table[type]!).filter(([name]) => name !== 'signatures');
      const implicit = fields.filter(([, field]) => {
        const { kind, type, required, oneof, presence } = field;
        const plain = kind !== 'one' || (scalars.includes(type) && type !== 'Struct');
        return !required && oneof === undefined && !presence && plain;
      });
      expect([type, implicit.map(([name]) => name)]).toEqual([type, shape.implicit]);
      const nested = fields.filter(([, field]) => !scalars.includes(field.type));
      expect([type, Object.fromEntries(nested.map(([name, f]) => [name, [f.kind, f.type]]))]).toEqual([
        type,
        shape.nested,
      ]);
    }
  });

  it('keeps what is REQUIRED though empty, and what has presence though false; drops other defaults and signatures', () => {
    const card = {
      name: 'Example Agent',
      description: '',
      capabilities: { streaming: false, pushNotifications: false, extensions: [] },
      skills: [],
      securityRequirements: [],
      signatures: [{ protected: 'x', signature: 'y' }],
    };
    expect(cardSigningInput(card, 'spec')).toBe(
      '{"capabilities":{"pushNotifications":false,"streaming":false},"description":"","name":"Example Agent","skills":[]}',
    );
    expect(cardSigningInput(card, 'stripped')).toBe(
      '{"capabilities":{"pushNotifications":false,"streaming":false},"name":"Example Agent"}',
    );
  });

  it('leaves the inside of extension params alone, in the spec form', () => {
    expect(cardSigningInput(CARD, 'spec')).toContain('"extensions":[{"params":{"empty":""},"uri":"u"}]');
  });

  it('covers a field that A2A does not know, also one named __proto__', () => {
    const card = { ...CARD, ...(JSON.parse('{"__proto__":{"a":1},"later":2}') as object) };
    Object.defineProperty(card, '__proto__', { value: { a: 1 }, enumerable: true });
    expect(cardSigningInput(card, 'spec')).toContain('"__proto__":{"a":1}');
    expect(cardSigningInput(card, 'spec')).toContain('"later":2');
  });
});

describe('signing and verifying a card', () => {
  it('a signed card verifies, and the form that matched is reported', async () => {
    const card = await sign(CARD);
    const verified = await verifyCard(card, trusted);
    expect(verified).toMatchObject({ ok: true, form: 'spec', index: 0, header: { alg: 'ES256', kid: 'k1' } });
  });

  it('survives another order of the fields and added defaults', async () => {
    const { name, ...rest } = await sign(CARD);
    const card = { ...rest, securityRequirements: [], name };
    expect(await verifyCard(card, trusted)).toMatchObject({ ok: true, form: 'spec' });
  });

  it('a changed card does not verify', async () => {
    const card = await sign(CARD);
    const verified = await verifyCard({ ...card, description: 'Moves oil.' }, trusted);
    expect(verified).toMatchObject({ ok: false, reason: 'bad-signature' });
    const widened = { ...card, unknown: 1 } as AgentCard;
    expect(await verifyCard(widened, trusted)).toMatchObject({ ok: false });
  });

  it('in the stripped form what comes back is what was signed, without the empty fields that somebody added', async () => {
    const signed = await sign({
      ...CARD,
      capabilities: { streaming: true },
      securityRequirements: [{ schemes: { oauth: { list: ['run'] } } }],
    });
    const widened = { ...signed, securityRequirements: [...signed.securityRequirements!, {}] };
    const verified = await verifyCard(widened, trusted);
    expect(verified).toMatchObject({ ok: true, form: 'stripped' });
    if (!verified.ok) throw new Error('unreachable');
    expect(verified.signed['securityRequirements']).toEqual([{ schemes: { oauth: { list: ['run'] } } }]);
    expect(await verifyCard(widened, trusted, { forms: ['spec'] })).toMatchObject({ ok: false });
  });

  it('a card that @a2a-js/sdk 1.3.0 signed verifies in the stripped form', async () => {
    expect(await verifyCard(SIGNED_BY_A2A_JS, () => A2A_JS_KEY)).toMatchObject({
      ok: true,
      form: 'stripped',
    });
  });

  it('an unsigned card, a key that nobody trusts, and a resolver that throws are told apart from a bad signature', async () => {
    const card = await sign(CARD);
    expect(await verifyCard(CARD, trusted)).toMatchObject({ ok: false, reason: 'unsigned' });
    expect(await verifyCard(card, () => undefined)).toMatchObject({ ok: false, reason: 'untrusted-key' });
    const broken = (): never => {
      throw new Error('no network');
    };
    expect(await verifyCard(card, broken)).toMatchObject({ ok: false, reason: 'untrusted-key' });
  });

  it('another key does not verify, and a second signature by a trusted key does', async () => {
    const other = await generateKeyPair('Ed25519', { extractable: true });
    const card = await signCard(await sign(CARD), { key: other.privateKey, kid: 'k2', alg: 'EdDSA' });
    expect(await verifyCard(card, () => other.publicKey)).toMatchObject({ ok: true, index: 1 });
    expect(await verifyCard(await sign(CARD), () => other.publicKey)).toMatchObject({ ok: false });
  });

  it('alg none, a shared secret, an unreadable header and a header without kid are refused', async () => {
    const { signature } = (await sign(CARD)).signatures![0]!;
    for (const header of [
      '{"alg":"none","kid":"k1"}',
      '{"alg":"HS256","kid":"k1"}',
      '{"alg":"ES256"}',
      '"',
    ]) {
      const protectedHeader = btoa(header).replace(/=+$/, '');
      const card = { ...CARD, signatures: [{ protected: protectedHeader, signature }] };
      const verified = await verifyCard(card, trusted);
      expect(verified).toMatchObject({ ok: false, reason: 'untrusted-key' });
    }
    await expect(signCard(CARD, { key: signingKey, kid: 'k1', alg: 'HS256' })).rejects.toThrow(/alg/);
  });

  it('looks at no more than eight signatures', async () => {
    const card = await sign(CARD);
    let asked = 0;
    const count = (): undefined => void (asked += 1);
    await verifyCard({ ...card, signatures: Array.from({ length: 50 }, () => card.signatures![0]!) }, count);
    expect(asked).toBe(8);
  });
});

const A2A_JS_KEY = {
  kty: 'EC',
  x: '3AC0L0Ev6Rdg7ID-AIpFmoKyJ5JH_lAx_WA-2pW9fvA',
  y: '75_DpS9ck8l3IAIKsSsbJLN9pnVoBggeVT9Gr94uMhg',
  crv: 'P-256',
};

const SIGNED_BY_A2A_JS: AgentCard = {
  name: 'Pump',
  description: '',
  version: '1.2.0',
  supportedInterfaces: [
    {
      url: 'mqtts://broker.example',
      protocolBinding: 'https://shoal.dev/b',
      protocolVersion: '1.0',
      tenant: '',
    },
  ],
  capabilities: {
    streaming: true,
    pushNotifications: false,
    extensions: [
      {
        uri: 'https://example.com/x',
        required: false,
        params: { z: 1, a: [], '\u20AC': '\u00E9', n: 1e21 },
      },
    ],
  },
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  skills: [],
  securitySchemes: {
    oauth: {
      oauth2SecurityScheme: { flows: { clientCredentials: { tokenUrl: 'https://t', scopes: {} } } },
    },
  },
  securityRequirements: [{ schemes: { oauth: { list: ['run'] } } }],
  signatures: [
    {
      protected: 'eyJhbGciOiJFUzI1NiIsImtpZCI6ImsxIiwidHlwIjoiSk9TRSJ9',
      signature: '3fXV5GxwIxmbBkB_BMKVKIeMKG9Nyv-1RM701Lf6uZ0v16y_OT41Vl7AP6rLW9OXcJ6GWWcaAV75C427ZP7jjw',
    },
  ],
};
