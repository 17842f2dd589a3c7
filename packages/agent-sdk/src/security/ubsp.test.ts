import type { InboundMessage } from '@shoal/mqtt-link';
import type { AgentAddress } from '@shoal/protocol';
import { replyTopic } from '@shoal/protocol';
import { FlattenedEncrypt, generateKeyPair, exportJWK, importJWK } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import type { OpenedRequest, SealedPayload } from '../core/protection.ts';
import { generateAgentKeys, publicJwks } from './agent-keys.ts';
import type { AgentKeys } from './agent-keys.ts';
import { pinnedPeers } from './peer-keys.ts';
import { ReplayGuard } from './replay-guard.ts';
import type { UbspOptions } from './ubsp.ts';
import { ubsp } from './ubsp.ts';

const ANN: AgentAddress = { org: 'acme', unit: 'plant', agentId: 'ann' };
const BOB: AgentAddress = { org: 'acme', unit: 'plant', agentId: 'bob' };
const K1 = new TextEncoder().encode('k1');
const TEXT = '{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":"x"}}';

let annKeys: AgentKeys;
let bobKeys: AgentKeys;
beforeAll(async () => {
  [annKeys, bobKeys] = await Promise.all([generateAgentKeys(), generateAgentKeys()]);
});

const peers = (): UbspOptions['peers'] =>
  pinnedPeers({ 'acme/plant/ann': publicJwks(annKeys), 'acme/plant/bob': publicJwks(bobKeys) });
const ann = (options: Partial<UbspOptions> = {}): ReturnType<typeof ubsp> =>
  ubsp({ keys: annKeys, peers: peers(), ...options });
const bob = (options: Partial<UbspOptions> = {}): ReturnType<typeof ubsp> =>
  ubsp({ keys: bobKeys, peers: peers(), ...options });

function arrived(sealed: SealedPayload, fields: Partial<InboundMessage> = {}): InboundMessage {
  return {
    topic: 't',
    payload: new TextEncoder().encode(sealed.payload),
    qos: 1,
    retain: false,
    duplicate: false,
    receivedAtMs: 0,
    correlationData: K1,
    responseTopic: replyTopic(ANN, 's'),
    contentType: sealed.contentType,
    userProperties: sealed.userProperties,
    text: () => sealed.payload,
    ...fields,
  };
}

const request = (): Promise<SealedPayload> => ann().sealRequest(TEXT, ANN, BOB, K1);

/** What a refusal says; fails when it is none. */
function refusalOf(opened: OpenedRequest): string {
  const error = { code: -32005, data: { a2a_error: 'transport_protocol_error' } };
  expect(opened).toMatchObject({ kind: 'refused', error });
  return JSON.stringify(opened);
}

describe('ubsp-v1 requests (profile: Untrusted-Broker 3 to 12; V62)', () => {
  it('are readable for the recipient alone, who learns who sent them', async () => {
    const sealed = await request();
    expect(sealed.contentType).toBe('application/jose');
    expect(sealed.userProperties).toMatchObject({
      'a2a-security-profile': 'ubsp-v1',
      'a2a-requester-agent-id': 'ann',
      'a2a-recipient-agent-id': 'bob',
      'a2a-recipient-kid': bobKeys.encryption.kid,
    });
    expect(sealed.payload).not.toContain('GetTask');
    const opened = await bob().openRequest(arrived(sealed), BOB);
    expect(opened).toMatchObject({ kind: 'opened', agent: ANN });
    if (opened.kind !== 'opened') throw new Error('unreachable');
    expect(opened.message.text()).toBe(TEXT);
    expect(new TextDecoder().decode(opened.message.payload)).toBe(TEXT);
  });

  it('in JSON serialization are opened too', async () => {
    const sealed = await request();
    const jwt = await new FlattenedEncrypt(new TextEncoder().encode(await innerOf(sealed.payload)))
      .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM' })
      .encrypt(await importJWK(publicJwks(bobKeys).keys[1]!, 'ECDH-ES'));
    const message = arrived(sealed, {
      contentType: 'application/jose+json',
      payload: new TextEncoder().encode(JSON.stringify(jwt)),
    });
    expect(await bob().openRequest(message, BOB)).toMatchObject({ kind: 'opened' });
  });

  it('for another recipient are refused as transport_protocol_error', async () => {
    expect(refusalOf(await bob().openRequest(arrived(await request()), { ...BOB, agentId: 'bert' }))).toMatch(
      /recipient/,
    );
    // The properties say bob, the signature says somebody else.
    const toAnn = await bob().sealRequest(TEXT, ANN, ANN, K1);
    const relabelled = { ...toAnn, userProperties: (await request()).userProperties };
    expect(refusalOf(await bob().openRequest(arrived(relabelled), BOB))).toMatch(/could not be opened/);
  });

  it('in the clear, of an unknown profile or of another Content Type are refused: nothing falls back', async () => {
    const sealed = await request();
    const clear = { payload: TEXT, contentType: 'application/json', userProperties: {} };
    expect(refusalOf(await bob().openRequest(arrived(clear), BOB))).toMatch(/protected requests only/);
    const unknown = {
      ...sealed,
      userProperties: { ...sealed.userProperties, 'a2a-security-profile': 'ubsp-v2' },
    };
    expect(refusalOf(await bob().openRequest(arrived(unknown), BOB))).toMatch(/ubsp-v1/);
    expect(
      refusalOf(await bob().openRequest(arrived(sealed, { contentType: 'application/json' }), BOB)),
    ).toMatch(/Content Type/);
    const inside = arrived({ ...sealed, payload: TEXT });
    expect(refusalOf(await bob().openRequest(inside, BOB))).toMatch(/could not be opened/);
  });

  it('seen before are dropped without an answer, which would end the call of the requester', async () => {
    const sealed = await request();
    const protection = bob();
    expect(await protection.openRequest(arrived(sealed), BOB)).toMatchObject({ kind: 'opened' });
    expect(await protection.openRequest(arrived(sealed), BOB)).toMatchObject({ kind: 'dropped' });
  });

  it('changed on the way, with other Correlation Data, or older than their lifetime are refused', async () => {
    const sealed = await request();
    const middle = Math.floor(sealed.payload.length / 2);
    const other = sealed.payload[middle] === 'A' ? 'B' : 'A';
    const changed = sealed.payload.slice(0, middle) + other + sealed.payload.slice(middle + 1);
    expect(refusalOf(await bob().openRequest(arrived({ ...sealed, payload: changed }), BOB))).toMatch(
      /could not be opened/,
    );
    const k2 = new TextEncoder().encode('k2');
    expect(refusalOf(await bob().openRequest(arrived(sealed, { correlationData: k2 }), BOB))).toMatch(
      /another exchange/,
    );
    const late = bob({ now: () => Date.now() + 91_000 });
    expect(refusalOf(await late.openRequest(arrived(sealed), BOB))).toMatch(/expired: check the clocks/);
  });

  it('encrypted by a stranger, who needs no secret for that, are refused: they must be signed', async () => {
    const stranger = ubsp({ keys: await generateAgentKeys(), peers: peers() });
    const forged = await stranger.sealRequest(TEXT, ANN, BOB, K1);
    expect(refusalOf(await bob().openRequest(arrived(forged), BOB))).toMatch(/could not be opened/);
    const jwk = await exportJWK((await generateKeyPair('ECDH-ES', { extractable: true })).privateKey);
    expect(jwk.d).toBeDefined();
  });

  it('whose Response Topic is of another agent than their signer are refused', async () => {
    const sealed = await request();
    const mallory = replyTopic({ ...ANN, agentId: 'mallory' }, 's');
    expect(refusalOf(await bob().openRequest(arrived(sealed, { responseTopic: mallory }), BOB))).toMatch(
      /Response Topic/,
    );
  });

  it('of a requester without a trusted key are refused, and to one nothing is sent', async () => {
    const alone = pinnedPeers({});
    expect(refusalOf(await bob({ peers: alone }).openRequest(arrived(await request()), BOB))).toMatch(
      /no trusted key/,
    );
    await expect(ann({ peers: alone }).sealRequest(TEXT, ANN, BOB, K1)).rejects.toMatchObject({
      code: 'no-peer-key',
    });
  });

  it('are refused as responder_unavailable while too many are valid', async () => {
    const protection = bob({ maxValid: 1 });
    await protection.openRequest(arrived(await request()), BOB);
    const second = await protection.openRequest(arrived(await request()), BOB);
    expect(second).toMatchObject({ kind: 'refused', error: { code: -32004 } });
  });
});

describe('ubsp-v1 replies', () => {
  async function replyTo(text: string): Promise<SealedPayload> {
    const opened = await bob().openRequest(arrived(await request()), BOB);
    if (opened.kind !== 'opened') throw new Error('the request was not opened');
    return opened.seal.seal(text);
  }

  it('name both agents, and only the requester opens them', async () => {
    const sealed = await replyTo('{"result":1}');
    expect(sealed.userProperties).toEqual({
      'a2a-security-profile': 'ubsp-v1',
      'a2a-requester-agent-id': 'ann',
      'a2a-responder-agent-id': 'bob',
    });
    expect((await ann().openReply(arrived(sealed), ANN, BOB)).text()).toBe('{"result":1}');
    await expect(bob().openReply(arrived(sealed), ANN, BOB)).rejects.toMatchObject({
      code: 'reply-rejected',
    });
  });

  it('in the clear are not believed; what they claim is told', async () => {
    const clear = {
      payload: '{"error":{"code":-32005,"message":"no key"}}',
      contentType: '',
      userProperties: {},
    };
    const opening = ann().openReply(arrived(clear), ANN, BOB);
    await expect(opening).rejects.toMatchObject({ code: 'unprotected-reply' });
    await expect(opening).rejects.toThrow(/no key/);
  });

  it('of another exchange, repeated, or a request turned around are rejected', async () => {
    const sealed = await replyTo('{}');
    const k2 = new TextEncoder().encode('k2');
    const rejected = { code: 'reply-rejected' };
    await expect(ann().openReply(arrived(sealed, { correlationData: k2 }), ANN, BOB)).rejects.toMatchObject(
      rejected,
    );
    const protection = ann();
    await protection.openReply(arrived(sealed), ANN, BOB);
    await expect(protection.openReply(arrived(sealed), ANN, BOB)).rejects.toMatchObject(rejected);
    const turned = await bob().sealRequest('{}', BOB, ANN, K1);
    const asReply = { ...turned, userProperties: sealed.userProperties };
    await expect(ann().openReply(arrived(asReply), ANN, BOB)).rejects.toMatchObject(rejected);
  });

  it('leave in the order in which they were made', async () => {
    const opened = await bob().openRequest(arrived(await request()), BOB);
    if (opened.kind !== 'opened') throw new Error('the request was not opened');
    const order: number[] = [];
    await Promise.all(
      [5, 1, 3].map((n, i) => opened.seal.seal('x'.repeat(n * 100_000)).then(() => order.push(i))),
    );
    expect(order).toEqual([0, 1, 2]);
  });
});

describe('the memory of a replay guard', () => {
  it('forgets what has expired, and takes nothing rather than forget what has not', () => {
    const guard = new ReplayGuard(2);
    expect(guard.take('a', 100, 0)).toBe('new');
    expect(guard.take('b', 200, 0)).toBe('new');
    expect(guard.take('a', 100, 50)).toBe('repeated');
    expect(guard.take('c', 300, 50)).toBe('full');
    expect(guard.take('c', 300, 150)).toBe('new');
    expect(guard.size).toBe(2);
  });
});

async function innerOf(jwe: string): Promise<string> {
  const { compactDecrypt } = await import('jose');
  const { plaintext } = await compactDecrypt(jwe, await importJWK(bobKeys.encryption));
  return new TextDecoder().decode(plaintext);
}
