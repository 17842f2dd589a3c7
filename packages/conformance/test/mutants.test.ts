import { createBroker, type Broker } from '@shoal/broker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RESPONDER_OFFERS, RESPONDER_VARIANTS, SCENARIOS } from '../src/index.ts';
import type { Role } from '../src/index.ts';
import { runScenarios, type RunOptions } from '../src/io/run.ts';
import { modelResponder } from './model-responder.ts';
import { RESPONDER_MUTANTS } from './responder-mutants.ts';

let broker: Broker;
let url = '';

beforeAll(async () => {
  // Without a registry: a broker that manages presence would mend what the mutants break.
  broker = createBroker({ allowAnonymous: true, registry: { enabled: false } });
  url = (await broker.start()).tcp?.url ?? '';
});
afterAll(() => broker.stop());

const responder = (fault: string): Pick<RunOptions, 'responder'> => ({
  responder: { offers: RESPONDER_OFFERS, variants: RESPONDER_VARIANTS, launch: modelResponder(fault) },
});

function run(role: Role, subject: Partial<RunOptions>, only?: readonly string[]) {
  return runScenarios({
    broker: url,
    roles: [role],
    timeoutMs: only === undefined ? 3_000 : 400,
    quietMs: 60,
    concurrency: 8,
    ...subject,
    ...(only === undefined ? {} : { only }),
  });
}

describe('responder scenarios', () => {
  it('pass a subject without a fault, every one of them', async () => {
    const results = await run('responder', responder(''));
    expect(results.filter(({ status }) => status !== 'passed')).toEqual([]);
    expect(results).toHaveLength(SCENARIOS.filter(({ role }) => role === 'responder').length);
  }, 60_000);

  it.concurrent.each(Object.entries(RESPONDER_MUTANTS))('notice the fault %s: %j', async (fault, ids) => {
    // The scenarios that look at all replies need some to look at.
    const extra = ids.some((id) => id.startsWith('ALL.') || id === 'V33.timestamps')
      ? ['V16.id', 'V42.push', 'V30.malformed']
      : [];
    const results = await run('responder', responder(fault), [...ids, ...extra]);
    for (const id of ids) {
      const result = results.find((one) => one.id === id);
      expect([id, result?.status]).toEqual([id, 'failed']);
    }
  });

  it('are each broken by some fault: none passes whatever the subject does', () => {
    const caught = new Set(Object.values(RESPONDER_MUTANTS).flat());
    const vacuous = SCENARIOS.filter(({ role, id }) => role === 'responder' && !caught.has(id));
    expect(vacuous.map(({ id }) => id)).toEqual([]);
  });
});
