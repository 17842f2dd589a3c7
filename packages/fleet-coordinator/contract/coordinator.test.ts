import { createAgent, createRequester, type Agent, type Requester } from '@shoal/agent-sdk';
import { createBroker } from '@shoal/broker';
import { startDeviceAgent, DEVICE_EXTENSION, type DeviceAgent } from '@shoal/device-agent';
import { pumpModel, startDevice, type Device } from '@shoal/device-sim';
import {
  bookMaintenance,
  listMaintenance,
  startMaintenancePlanner,
  type MaintenancePlanner,
} from '@shoal/maintenance-planner';
import { openLink, type Link } from '@shoal/mqtt-link';
import { testBrokers, type TestBroker } from '@shoal/mqtt-link/testing';
import { validateDocument } from '@shoal/protocol';
import { sleepExtension } from '@shoal/registry-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  cancelWorkOrder,
  coordinateDowntime,
  startFleetCoordinator,
  type FleetCoordinator,
} from '../src/index.ts';

const place = { org: 'acme', unit: 'plant-1' };
const AT = '2026-03-02T10:20:00Z';
const SEED = {
  site: 'north',
  parts: [{ sku: 'BRG', name: 'Bearing', fits: ['bearing-drive-end'], stock: 9, leadTimeHours: 24 }],
  technicians: ['t1', 't2', 't3'].map((id) => ({
    id,
    name: id,
    skills: ['bearings'],
    shifts: [{ from: '00:00', to: '24:00' }],
  })),
};
const FINDING = {
  verdict: 'inner-race',
  confidence: 0.97,
  component: 'bearing-drive-end',
  evidence: ['BPFI <b>21 dB</b>'],
};

/** An agent that says what it likes of its device. */
function neighbour(url: string, deviceId: string, say: unknown, extensions: object[] = []): Agent {
  const params = { deviceId, relations: [{ deviceId: 'pump-01', relation: 'standby' }] };
  return createAgent({
    url,
    ...place,
    agentId: deviceId,
    card: {
      name: deviceId,
      description: 'A neighbour.',
      capabilities: { extensions: [{ uri: DEVICE_EXTENSION, params }, ...(extensions as { uri: string }[])] },
    },
    handle: () => (say === undefined ? new Promise<never>(() => undefined) : { data: say }),
  });
}

describe.each(testBrokers(createBroker))('on $name', ({ name, skip, start }) => {
  if (skip) console.warn(`${name} is not installed: skipped`);
  describe.skipIf(skip)('the coordinator', () => {
    let broker: Awaited<ReturnType<TestBroker['start']>>;
    let planner: MaintenancePlanner;
    let coordinator: FleetCoordinator;
    let device: Device;
    let deviceAgent: DeviceAgent;
    let link: Link;
    let requester: Requester;
    const others: Agent[] = [];
    const ask = (sessionId: string, deviceId: string) =>
      coordinateDowntime.call(
        requester,
        coordinator.address,
        { sessionId, deviceId, detectedAt: AT, finding: FINDING },
        { firstReplyTimeoutMs: 60_000 },
      );

    beforeAll(async () => {
      broker = await start();
      const { url } = broker;
      planner = await startMaintenancePlanner({ url, ...place, database: ':memory:', seed: SEED });
      coordinator = await startFleetCoordinator({ url, ...place, survey: { answerWithinMs: 3_000 } });
      device = await startDevice({
        url,
        ...place,
        deviceId: 'pump-01',
        source: pumpModel({ seed: 1 }),
        speed: 100,
      });
      const relations = ['sound', 'silent', 'sleeping', 'lying', 'missing'].map((deviceId) => ({
        deviceId,
        relation: 'standby',
      }));
      deviceAgent = await startDeviceAgent({
        url,
        ...place,
        deviceId: 'pump-01',
        deviceType: 'pump',
        relations,
      });
      const sound = {
        deviceId: 'sound',
        agentId: 'sound',
        health: 'healthy',
        loadPercent: 30,
        headroomPercent: 70,
      };
      others.push(
        neighbour(url, 'sound', sound),
        neighbour(url, 'silent', undefined),
        neighbour(url, 'lying', {
          ...sound,
          deviceId: 'lying',
          agentId: 'lying',
          loadPercent: 10,
          headroomPercent: 900,
        }),
        neighbour(url, 'sleeping', undefined, [
          sleepExtension({ wakesEverySeconds: 900, windows: [{ start: '00:00', end: '23:59' }] }),
        ]),
      );
      for (const agent of others) await agent.start();
      // It says goodbye and sleeps as it said it would.
      await others.at(-1)!.stop();
      link = await openLink({ url, clientId: 'acme/plant-1/tester' });
      requester = createRequester({ link, address: { ...place, agentId: 'tester' } });
    }, 60_000);

    afterAll(async () => {
      await requester.close();
      await link.close();
      await deviceAgent.stop();
      await device.stop();
      for (const agent of others) await agent.stop({ graceMs: 0 });
      await coordinator.stop();
      await planner.stop();
      await broker.stop();
    }, 60_000);

    it('writes an order that counts on the sound one only, and says what it assumed of the others', async () => {
      const order = await ask('session-1', 'pump-01');
      expect(validateDocument('WorkOrder', order)).toMatchObject({ ok: true });
      expect(order.production.coveredBy.every(({ deviceId }) => deviceId === 'sound')).toBe(true);
      const said = order.assumptions.join('\n');
      expect(said).toContain('silent did not answer (no answer in time)');
      expect(said).toMatch(/sleeping (is asleep and )?did not answer/);
      expect(said).toContain('lying says headroom 900 %: not believed');
      expect(said).toContain('missing did not answer (no agent watches it)');
      expect(order.production.notTogetherWith).toEqual(['lying', 'missing', 'silent', 'sleeping', 'sound']);
    }, 90_000);

    it('writes the same order for the same session, also when it is asked twice at once', async () => {
      const [one, two] = await Promise.all([ask('session-2', 'pump-01'), ask('session-2', 'pump-01')]);
      expect([one.startAt, one.technicians, one.parts]).toEqual([two.startAt, two.technicians, two.parts]);
      const { bookings } = await listMaintenance.call(requester, planner.address, { deviceIds: ['pump-01'] });
      expect(bookings.filter(({ key }) => key.sessionId === 'session-2')).toHaveLength(1);
    }, 90_000);

    it('never puts two of a group down together', async () => {
      const first = await ask('session-3', 'pump-01');
      const second = await ask('session-4', 'sound');
      const apart = second.startAt >= first.endAt || second.endAt <= first.startAt;
      expect(apart, `${first.startAt} to ${first.endAt}, ${second.startAt} to ${second.endAt}`).toBe(true);
    }, 90_000);

    it('gives a page to print beside the JSON, in which foreign text is text', async () => {
      const answer = await requester.send(
        coordinator.address,
        {
          data: { sessionId: 'session-5', deviceId: 'pump-01', detectedAt: AT, finding: FINDING },
          metadata: { skill: 'coordinate-downtime' },
        },
        { firstReplyTimeoutMs: 60_000 },
      );
      const parts =
        'artifacts' in answer ? (answer.artifacts ?? []).flatMap((artifact) => artifact.parts) : [];
      const page = parts.find(({ mediaType }) => mediaType === 'text/html')?.text;
      expect(page).toContain('BPFI &lt;b&gt;21 dB&lt;/b&gt;');
    }, 90_000);

    it('gives everything back when the order is canceled, and writes it no more', async () => {
      const cancel = () =>
        cancelWorkOrder.call(requester, coordinator.address, { sessionId: 'session-1', reason: 'stopped' });
      expect(await cancel()).toEqual({ canceled: true });
      expect(await cancel()).toEqual({ canceled: true });
      await expect(ask('session-1', 'pump-01')).rejects.toThrow('booking-released');
    }, 90_000);

    it('tells when nothing can be booked', async () => {
      const request = { deviceId: 'pump-01', verdict: 'unknown', at: AT };
      const key = { sessionId: 'session-6', stepId: 'x' };
      await expect(bookMaintenance.call(requester, planner.address, { key, request })).rejects.toThrow(
        'no-slot',
      );
    });
  });
});
