import { createBroker, type Broker } from '@shoal/broker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  REQUESTER_OFFERS,
  REQUESTER_OPERATIONS,
  RESPONDER_OFFERS,
  RESPONDER_VARIANTS,
  SCENARIOS,
} from '../src/index.ts';
import type { Role } from '../src/index.ts';
import { runScenarios, type RunSubject } from '../src/io/run.ts';
import { Tap } from '../src/io/tap.ts';
import { BROKER_MUTANTS } from './broker-mutants.ts';
import { modelRequester } from './model-requester.ts';
import { modelResponder } from './model-responder.ts';
import { modelSubscriber, SUBSCRIBER_MUTANTS } from './model-subscriber.ts';
import { REQUESTER_MUTANTS } from './requester-mutants.ts';
import { RESPONDER_MUTANTS } from './responder-mutants.ts';

// Without a registry for agents and clients: a broker that manages presence would mend what the mutants break.
const plain: { broker?: Broker; url: string } = { url: '' };
const managed: { broker?: Broker; url: string } = { url: '' };

beforeAll(async () => {
  for (const [one, enabled] of [
    [plain, false],
    [managed, true],
  ] as const) {
    one.broker = createBroker({ allowAnonymous: true, registry: { enabled } });
    one.url = (await one.broker.start()).tcp?.url ?? '';
  }
});
afterAll(() => Promise.all([plain.broker?.stop(), managed.broker?.stop()]));

const idsOf = (role: Role): string[] => SCENARIOS.filter((one) => one.role === role).map(({ id }) => id);

function run(role: Role, broker: string, subject: RunSubject, timeoutMs: number, only: readonly string[]) {
  return runScenarios({
    broker,
    roles: [role],
    timeoutMs,
    quietMs: 60,
    concurrency: 8,
    ...subject,
    only,
  });
}

/** What did not pass, and what was not there, of all scenarios of a role but `without`. */
async function openOf(role: Role, broker: string, subject: RunSubject, without?: string): Promise<unknown[]> {
  const ids = idsOf(role).filter((id) => id !== without);
  const results = await run(role, broker, subject, 3_000, ids);
  const missing = ids.filter((id) => !results.some((one) => one.id === id));
  return [...results.filter(({ status }) => status !== 'passed'), ...missing];
}

/** Scenarios that passed although the subject has a fault that they are there for. */
async function blind(
  role: Role,
  broker: string,
  subject: RunSubject,
  ids: readonly string[],
  others: readonly string[] = [],
): Promise<string[]> {
  const results = await run(role, broker, subject, 500, [...ids, ...others]);
  return ids.filter((id) => results.find((one) => one.id === id)?.status !== 'failed');
}

/** Scenarios of a role that no fault breaks: they might pass whatever the subject does. */
function vacuous(role: Role, caught: Iterable<readonly string[]>): string[] {
  const all = new Set([...caught].flat());
  return idsOf(role).filter((id) => !all.has(id));
}

const responder = (fault: string): RunSubject => ({
  responder: { offers: RESPONDER_OFFERS, variants: RESPONDER_VARIANTS, launch: modelResponder(fault) },
});

describe('responder scenarios', () => {
  it('pass a subject without a fault, every one of them', async () => {
    expect(await openOf('responder', plain.url, responder(''))).toEqual([]);
  }, 60_000);

  it.concurrent.each(Object.entries(RESPONDER_MUTANTS))(
    'notice the fault %s: %j',
    async (fault, ids) => {
      // The scenarios that look at all replies need some to look at.
      const isObserver = ids.some((id) => id.startsWith('ALL.') || id === 'V33.timestamps');
      const others = isObserver ? ['V16.id', 'V42.push', 'V30.malformed'] : [];
      expect(await blind('responder', plain.url, responder(fault), ids, others)).toEqual([]);
    },
    60_000,
  );

  it('are each broken by some fault', () => {
    expect(vacuous('responder', Object.values(RESPONDER_MUTANTS))).toEqual([]);
  });
});

const requester = (fault: string): RunSubject => ({
  requester: { offers: REQUESTER_OFFERS, operations: REQUESTER_OPERATIONS, launch: modelRequester(fault) },
});

describe('requester scenarios', () => {
  // V49.defaults takes a minute of real time: the check of our own SDK runs it.
  it('pass a subject without a fault, every one of them', async () => {
    expect(await openOf('requester', plain.url, requester(''), 'V49.defaults')).toEqual([]);
  }, 60_000);

  it.concurrent.each(Object.entries(REQUESTER_MUTANTS))(
    'notice the fault %s: %j',
    async (fault, ids) => {
      expect(await blind('requester', plain.url, requester(fault), ids)).toEqual([]);
    },
    60_000,
  );

  it('are each broken by some fault', () => {
    expect(vacuous('requester', Object.values(REQUESTER_MUTANTS))).toEqual([]);
  });
});

const subscriber = (fault: string): RunSubject => ({ subscriber: { launch: modelSubscriber(fault) } });

describe('subscriber scenarios', () => {
  it('pass a subject without a fault, every one of them', async () => {
    expect(await openOf('subscriber', plain.url, subscriber(''))).toEqual([]);
  }, 60_000);

  it.concurrent.each(Object.entries(SUBSCRIBER_MUTANTS))(
    'notice the fault %s: %j',
    async (fault, ids) => {
      expect(await blind('subscriber', plain.url, subscriber(fault), ids)).toEqual([]);
    },
    60_000,
  );

  it('are each broken by some fault', () => {
    expect(vacuous('subscriber', Object.values(SUBSCRIBER_MUTANTS))).toEqual([]);
  });
});

describe('broker scenarios', () => {
  it('pass the embedded broker, every one of them, and leave no connection to it open', async () => {
    const before = managed.broker?.stats().connections;
    expect(await openOf('broker', managed.url, {})).toEqual([]);
    await expect.poll(() => managed.broker?.stats().connections).toBe(before);
  }, 60_000);

  it.concurrent.each(Object.entries(BROKER_MUTANTS))(
    'notice a broker with %s',
    async (_, { scenarios, mutate }) => {
      const tap = await Tap.open(managed.url, 'kit');
      tap.intercept = ({ packet, from }) => mutate(packet, from);
      expect(await blind('broker', tap.url, {}, scenarios)).toEqual([]);
      await tap.close();
    },
    60_000,
  );

  it('are each broken by some fault', () => {
    const caught = Object.values(BROKER_MUTANTS).map(({ scenarios }) => scenarios);
    expect(vacuous('broker', caught)).toEqual([]);
  });
});
