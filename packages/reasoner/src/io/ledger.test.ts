import { createBroker, type Broker } from '@shoal/broker';
import { openLink, type Link } from '@shoal/mqtt-link';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { budgetGuard } from './budget-guard.ts';
import { retainedLedger, type Ledger } from './ledger.ts';

const SESSION = { scope: 'session', scopeId: 's1' } as const;
const amount = (tokens: number) => ({ calls: 1, tokens, costUsd: 0 });

let broker: Broker;
let url: string;
const links: Link[] = [];

beforeEach(async () => {
  broker = createBroker({ allowAnonymous: true });
  ({ url } = (await broker.start()).tcp!);
});
afterEach(async () => {
  for (const link of links.splice(0)) await link.close();
  await broker.stop();
});

async function ledgerOf(agentId: string): Promise<{ readonly ledger: Ledger; readonly link: Link }> {
  const link = await openLink({ url, clientId: `acme/plant-1/${agentId}` });
  links.push(link);
  return { link, ledger: retainedLedger({ link, org: 'acme', unit: 'plant-1', agentId }) };
}

it('a total is what all agents used, and each counts on where its predecessor stopped', async () => {
  const first = await ledgerOf('a');
  await first.ledger.add(SESSION, amount(100));
  await (await ledgerOf('b')).ledger.add(SESSION, amount(50));
  await first.link.close();
  const { ledger } = await ledgerOf('a');
  await ledger.add(SESSION, amount(7));
  await ledger.take(SESSION, { calls: 0, tokens: 2, costUsd: 0 });
  const { own, all } = await ledger.totals(SESSION);
  expect([own.tokens, all.tokens, all.calls]).toEqual([105, 155, 3]);
});

it('agents that ask at once never pass a budget together', async () => {
  const agents = await Promise.all(['a', 'b', 'c', 'd'].map((id) => ledgerOf(id)));
  const reservations = await Promise.allSettled(
    agents.map(({ ledger }) =>
      budgetGuard(
        ledger,
        { session: { tokens: 250 } },
        () => '2026-03-01T08:00:00Z',
        () => {},
      ).reserve(amount(100), 's1'),
    ),
  );
  const granted = reservations.filter(({ status }) => status === 'fulfilled').length;
  expect(granted).toBeLessThanOrEqual(2);
  const { all } = await agents[0]!.ledger.totals(SESSION);
  expect(all.tokens).toBe(granted * 100);
});

it('what somebody else put there and cannot be read counts for nothing', async () => {
  const { ledger, link } = await ledgerOf('a');
  const topic = 'shoal/v1/acme/plant-1/usage/session/s1/evil';
  for (const payload of ['not json', '{"tokens":-5}'])
    await link.publish(topic, payload, { qos: 1, retain: true });
  await ledger.add(SESSION, amount(1));
  expect((await ledger.totals(SESSION)).all.tokens).toBe(1);
});

it('a budget that cannot be read is a typed end, and nothing stays reserved', async () => {
  const taken: unknown[] = [];
  const ledger: Ledger = {
    add: async () => {},
    take: async (scope) => void taken.push(scope),
    totals: () => Promise.reject(new Error('no marker')),
  };
  const guard = budgetGuard(
    ledger,
    { session: { tokens: 10 } },
    () => '2026-03-01T08:00:00Z',
    () => {},
  );
  await expect(guard.reserve(amount(1), 's1')).rejects.toMatchObject({ code: 'ledger-unavailable' });
  expect(taken).toHaveLength(2);
});

it('without a budget, usage that cannot be written holds nothing up', async () => {
  const faults: string[] = [];
  const down = () => Promise.reject(new Error('down'));
  const ledger: Ledger = { add: down, take: down, totals: down };
  const guard = budgetGuard(
    ledger,
    {},
    () => '2026-03-01T08:00:00Z',
    (message) => void faults.push(message),
  );
  await (await guard.reserve(amount(1), 's1')).settle(amount(2));
  expect(faults).toEqual(['usage could not be written']);
});
