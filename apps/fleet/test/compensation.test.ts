import { readFileSync } from 'node:fs';
import { createRequester, type Requester } from '@shoal/agent-sdk';
import { createBroker } from '@shoal/broker';
import type { ProductionPlan } from '@shoal/fleet-coordinator';
import { startMaintenancePlanner, type MaintenancePlanner } from '@shoal/maintenance-planner';
import { openLink, type Link } from '@shoal/mqtt-link';
import type { Task } from '@shoal/protocol';
import { createSupervisor, inProcessSpawner } from '@shoal/supervisor';
import { defineBlueprint, parseWorkflow, StepError, type Blueprint } from '@shoal/workflow';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { slotBooking, slotRelease } from '../src/blueprints/slot-booking.ts';
import { workOrder } from '../src/blueprints/work-order.ts';

/** The demo's workflow, with the demo's planner and booking; what reads devices is replaced. */
const read = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
const place = { org: 'acme', unit: 'plant-1' };
const variables = {
  deviceId: 'pump-01',
  agentId: 'pump-01',
  detectedAt: '2026-03-02T10:20:00Z',
  evidence: {},
};
const diagnosis = {
  verdict: 'inner-race',
  confidence: 0.97,
  component: 'bearing-drive-end',
  evidence: ['BPFI stands out'],
  safeSpeedFraction: 1,
};

let campaigns: ProductionPlan['campaigns'] = [];
let deafAfterBooking = false;
let orderFails = false;
const replace = (id: string, run: () => Promise<{ output: object }>): Blueprint =>
  defineBlueprint({ id, description: id, run: run as Blueprint['run'] });

const broker = createBroker({ allowAnonymous: true });
let planner: MaintenancePlanner;
let link: Link;
let requester: Requester;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const { url } = (await broker.start()).tcp!;
  const seed: unknown = JSON.parse(read('data/maintenance-seed.json'));
  planner = await startMaintenancePlanner({
    url,
    ...place,
    database: ':memory:',
    seed,
    policy: { site: 'plant' },
  });
  const booking = slotBooking({});
  const order = workOrder({});
  const spawner = inProcessSpawner({
    url,
    blueprints: [
      replace('diagnostics', async () => ({ output: diagnosis })),
      replace('neighbour-survey', async () => ({
        output: { loadPercent: 50, neighbours: [], group: [], assumptions: ['nobody was asked'] },
      })),
      replace('device-protector', async () => ({ output: {} })),
      {
        ...booking,
        async run(context) {
          const result = await slotBooking({ campaigns }).run(context);
          // The booking stands, and the step does not learn of it.
          if (deafAfterBooking) throw new StepError('PLANNER_SILENT', 'no answer', { retryable: true });
          return result;
        },
      },
      slotRelease(),
      {
        ...order,
        async run(context) {
          if (orderFails) throw new StepError('ORDER_INVALID', 'it cannot be written');
          return order.run(context);
        },
      },
    ],
  });
  const workflow = parseWorkflow(
    // Six attempts with their pauses would be the longest part of this test.
    read('workflows/predictive-maintenance.yaml').replaceAll('maxAttempts: 6', 'maxAttempts: 2'),
  );
  const supervisor = createSupervisor({ url, ...place, workflows: [workflow], spawner });
  await supervisor.start();
  link = await openLink({ url, clientId: 'acme/plant-1/tester' });
  requester = createRequester({ link, address: { ...place, agentId: 'tester' } });
  closing.push(
    () => requester.close(),
    () => link.close(),
    () => supervisor.stop(),
    () => spawner.stop(),
    () => planner.stop(),
    () => broker.stop(),
  );
}, 30_000);
afterAll(async () => {
  for (const close of closing) await close();
});
beforeEach(() => {
  campaigns = [];
  deafAfterBooking = false;
  orderFails = false;
});

async function run(): Promise<Task> {
  const target = { ...place, agentId: 'predictive-maintenance' };
  return (await requester.send(target, { data: variables }, { firstReplyTimeoutMs: 30_000 })) as Task;
}

async function bookingOf(session: string) {
  return (await planner.desk.list()).filter(({ key }) => key.sessionId === session);
}

it('an order that is written keeps its booking, and comes as JSON, as a page and as a sentence', async () => {
  const task = await run();
  expect(task.status.state).toBe('TASK_STATE_COMPLETED');
  const types = (task.artifacts ?? []).flatMap(({ parts }) => parts.map(({ mediaType }) => mediaType));
  expect(types).toEqual(['application/vnd.shoal.work-order+json', 'text/plain', 'text/html']);
  expect(await bookingOf(task.id)).toMatchObject([{ state: 'booked', key: { stepId: 'plan' } }]);
}, 40_000);

it('an order that fails after the booking gives it back', async () => {
  orderFails = true;
  const task = await run();
  expect(task).toMatchObject({
    status: { state: 'TASK_STATE_FAILED' },
    metadata: { compensation: 'completed' },
  });
  expect(await bookingOf(task.id)).toMatchObject([{ state: 'released' }]);
}, 40_000);

it('a booking whose step never learnt of it is given back', async () => {
  deafAfterBooking = true;
  const task = await run();
  expect(task).toMatchObject({
    status: { state: 'TASK_STATE_FAILED' },
    metadata: { compensation: 'completed' },
  });
  // Two attempts, one booking.
  expect(await bookingOf(task.id)).toMatchObject([{ state: 'released' }]);
}, 40_000);

it("the planner's refusal is the step's failure at once, and there is nothing to give back", async () => {
  campaigns = [{ from: '2026-01-01T00:00:00Z', to: '2027-01-01T00:00:00Z', reason: 'the big order' }];
  const task = await run();
  expect(task.status.state).toBe('TASK_STATE_FAILED');
  expect(JSON.stringify(task.status.message)).toMatch(/plan failed: NO_SLOT: .*must not be down/);
  expect(task.metadata).not.toHaveProperty('compensation');
  expect(await bookingOf(task.id)).toEqual([]);
}, 40_000);
