import { createRequester, isA2aError, type Requester } from '@shoal/agent-sdk';
import { createBroker } from '@shoal/broker';
import { openLink, type Link } from '@shoal/mqtt-link';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  bookMaintenance,
  listMaintenance,
  proposeMaintenance,
  releaseMaintenance,
  startMaintenancePlanner,
  type MaintenancePlanner,
} from '../src/index.ts';
import { SEED } from './plant.ts';

const broker = createBroker({ allowAnonymous: true });
let planner: MaintenancePlanner;
let link: Link;
let requester: Requester;

beforeAll(async () => {
  const url = (await broker.start()).tcp!.url;
  planner = await startMaintenancePlanner({
    url,
    org: 'acme',
    unit: 'plant-1',
    database: ':memory:',
    seed: SEED,
  });
  link = await openLink({ url, clientId: 'acme/plant-1/tester' });
  requester = createRequester({ link, address: { org: 'acme', unit: 'plant-1', agentId: 'tester' } });
});
afterAll(async () => {
  await requester.close();
  await link.close();
  await planner.stop();
  await broker.stop();
});

const request = { deviceId: 'pump-01', verdict: 'inner-race' };
const key = { sessionId: 's', stepId: 'order' };

it('proposes, books, lists and releases over A2A', async () => {
  const plan = await proposeMaintenance.call(requester, planner.address, request);
  const booking = await bookMaintenance.call(requester, planner.address, { key, request });
  expect(booking.plan.startAt).toBe(plan.startAt);
  expect(await bookMaintenance.call(requester, planner.address, { key, request })).toEqual(booking);
  expect(await listMaintenance.call(requester, planner.address, { deviceIds: ['pump-01'] })).toEqual({
    bookings: [booking],
  });
  const release = () => releaseMaintenance.call(requester, planner.address, { key, reason: 'undone' });
  expect(await release()).toEqual({ released: true });
  expect(await release()).toEqual({ released: true });
});

it('tells a refusal by its code', async () => {
  const failed = proposeMaintenance.call(requester, planner.address, { ...request, verdict: 'unknown' });
  await expect(failed).rejects.toThrow('no-slot: nobody has the skill "vibration-analysis"');
});

it('refuses a malformed request by the name of the field, and goes on', async () => {
  const answer = await requester.send(planner.address, {
    data: { deviceId: 'pump-01', verdict: 7 },
    metadata: { skill: 'propose-maintenance' },
  });
  expect(JSON.stringify(answer)).toContain('input.verdict');
  await expect(
    bookMaintenance.call(requester, planner.address, { key: { sessionId: '', stepId: 'x' }, request }),
  ).rejects.toSatisfy((error) => isA2aError(error) && error.code === 'invalid-input');
  expect(await proposeMaintenance.call(requester, planner.address, request)).toMatchObject({
    deviceId: 'pump-01',
  });
});

it('says which skills it has in its card', () => {
  expect(planner.agent.card.skills?.map(({ id }) => id)).toEqual([
    'propose-maintenance',
    'book-maintenance',
    'release-maintenance',
    'list-maintenance',
  ]);
});
