import { createBroker } from '@shoal/broker';
import { openLink, silentLogger, type Link } from '@shoal/mqtt-link';
import { deviceTopics, type ToolApproval } from '@shoal/protocol';
import { signApproval, signCard, type ApproverKeys, type SigningKey } from '@shoal/protocol/signing';
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { followApprovals, type ApprovalBook } from './follow-approvals.ts';

const PUMP = { org: 'acme', unit: 'plant-1', deviceId: 'pump-01' };
const broker = createBroker({ allowAnonymous: true });
let url: string;
let link: Link;
let book: ApprovalBook;

const ada = pair('ada-1');
const bob = pair('bob-1');
const keys: ApproverKeys = { ada: [ada.public], bob: [bob.public] };

function pair(kid: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { kid, private: privateKey as SigningKey, public: { ...publicKey.export({ format: 'jwk' }), kid } };
}

function approval(approvalId: string, change: Partial<ToolApproval> = {}): ToolApproval {
  return {
    schemaVersion: 1,
    approvalId,
    deviceId: PUMP.deviceId,
    tool: 'stop',
    args: {},
    action: 'approve',
    by: 'ada',
    at: '2026-03-01T08:00:00.000Z',
    expiresAt: '2026-03-01T08:30:00.000Z',
    ...change,
  };
}

const sign = (record: ToolApproval, { kid, private: key } = ada, place = PUMP): Promise<ToolApproval> =>
  signApproval(record, place, { key, kid, alg: 'ES256' });

async function retain(record: ToolApproval): Promise<string | undefined> {
  await link.publish(deviceTopics(PUMP).approval(record.approvalId), JSON.stringify(record), {
    retain: true,
  });
  await book.settle(record.approvalId);
  expect(book.get(record.approvalId)).toBeDefined();
  return book.distrust(record.approvalId);
}

beforeAll(async () => {
  url = (await broker.start()).tcp!.url;
  link = await openLink({ url, clientId: 'acme/plant-1/pump-01' });
  book = await followApprovals(link, PUMP, silentLogger, keys);
});
afterAll(async () => {
  await book.close();
  await link.close();
  await broker.stop();
});

it('trusts what a key of the approver signed', async () => {
  expect(await retain(await sign(approval('a1')))).toBeUndefined();
});

it.each<[string, RegExp, () => ToolApproval | Promise<ToolApproval>]>([
  ['is not signed', /not signed/, () => approval('b')],
  [
    'somebody without a key signs with a name of theirs',
    /no key of eve/,
    () => sign(approval('b', { by: 'eve' })),
  ],
  ['another approver signed', /none of its signatures names a key of ada/, () => sign(approval('b'), bob)],
  [
    'another approver signed under a borrowed kid',
    /not what ada signed/,
    () => sign(approval('b'), { ...bob, kid: 'ada-1' }),
  ],
  [
    'was changed afterwards',
    /not what ada signed/,
    async () => ({ ...(await sign(approval('b'))), args: { force: true } }),
  ],
  [
    'is for a device of that name in another unit',
    /not what ada signed/,
    () => sign(approval('b'), ada, { ...PUMP, unit: 'plant-2' }),
  ],
  [
    'was signed under another id',
    /not what ada signed/,
    async () => ({ ...(await sign(approval('c'))), approvalId: 'b' }),
  ],
  [
    'carries a signature of a card',
    /typ must be/,
    async () => {
      const options = { key: ada.private, kid: 'ada-1', alg: 'ES256' };
      const { signatures } = await signCard(approval('b') as never, options);
      return { ...approval('b'), signatures };
    },
  ],
  [
    'names no algorithm that counts',
    /alg must be/,
    () => ({
      ...approval('b'),
      signatures: [{ protected: btoa('{"alg":"none","kid":"ada-1"}'), signature: 'eA' }],
    }),
  ],
])('distrusts one that %s', async (_, why, make) => {
  expect(await retain(await make())).toMatch(why);
  await link.publish(deviceTopics(PUMP).approval('b'), '', { retain: true });
  await book.settle('b');
  expect(book.get('b')).toBeUndefined();
});

it('takes one that was taken back while its signature was looked at for gone', async () => {
  const topic = deviceTopics(PUMP).approval('d');
  const signed = JSON.stringify(await sign(approval('d')));
  await Promise.all([
    link.publish(topic, signed, { retain: true }),
    link.publish(topic, '', { retain: true }),
  ]);
  expect(await retain(await sign(approval('e')))).toBeUndefined();
  expect(book.get('d')).toBeUndefined();
});

it('knows, once asked, what was acknowledged to an approver on another connection a moment before', async () => {
  const approver = await openLink({ url, clientId: 'ada' });
  const topic = deviceTopics(PUMP).approval('f');
  const [first, second] = await Promise.all([
    sign(approval('f')),
    sign(approval('f', { reason: 'looked at' })),
  ]);
  for (let round = 0; round < 5; round++) {
    for (const record of [first, second]) {
      await approver.publish(topic, JSON.stringify(record), { retain: true });
      await book.settle('f');
      expect(book.get('f')).toEqual(record);
    }
    await approver.publish(topic, '', { retain: true });
    await book.settle('f');
    expect(book.get('f')).toBeUndefined();
  }
  await approver.close();
});

it('asks the broker for some ids at once, and is not held up by more', async () => {
  await retain(await sign(approval('g')));
  const ids = Array.from({ length: 200 }, (_, n) => `none-${n}`);
  await Promise.all([...ids, '../g', 'g/#', '+'].map((id) => book.settle(id)));
  await book.settle('g');
  expect(book.get('g')).toBeDefined();
});

it.each<[string, RegExp, ApproverKeys]>([
  ['without a kid', /approverKeys.ada\[0\] has no kid/, { ada: [{ ...ada.public, kid: '' }] }],
  ['that is private', /private key/, { ada: [{ ...ada.public, d: 'x' }] }],
  ['that is shared', /kty must be/, { ada: [{ kty: 'oct', k: 'AAAA', kid: 'k' }] }],
  ['that is none', /has no key/, { ada: [] }],
])('refuses a key %s at the start', async (_, message, wrong) => {
  await expect(followApprovals(link, PUMP, silentLogger, wrong)).rejects.toThrow(message);
});
