import { createAgent, createRequester } from '@shoal/agent-sdk';
import { createBroker } from '@shoal/broker';
import { DEVICE_EXTENSION } from '@shoal/device-agent';
import { coordinateDowntime, startFleetCoordinator } from '@shoal/fleet-coordinator';
import { startMaintenancePlanner } from '@shoal/maintenance-planner';
import { openLink } from '@shoal/mqtt-link';

const broker = createBroker({ allowAnonymous: true });
const { url } = (await broker.start()).tcp!;
const unit = { org: 'acme', unit: 'plant-1' };

const planner = await startMaintenancePlanner({
  url,
  ...unit,
  database: ':memory:',
  seed: {
    parts: [
      { sku: 'BRG-6205', name: 'Ball bearing', fits: ['bearing-drive-end'], stock: 2, leadTimeHours: 36 },
    ],
    technicians: [
      { id: 't-1', name: 'N. Okafor', skills: ['bearings'], shifts: [{ from: '06:00', to: '22:00' }] },
    ],
  },
});
const coordinator = await startFleetCoordinator({ url, ...unit, survey: { answerWithinMs: 2_000 } });

// A pump whose standby is not there. In a fleet these are device agents.
const params = { deviceId: 'pump-01', relations: [{ deviceId: 'pump-02', relation: 'standby' }] };
const pump = createAgent({
  url,
  ...unit,
  agentId: 'pump-01',
  card: {
    name: 'Pump 1',
    description: 'Moves water.',
    capabilities: { extensions: [{ uri: DEVICE_EXTENSION, params }] },
  },
  handle: () => ({ data: { deviceId: 'pump-01', health: 'anomalous', loadPercent: 60 } }),
});
await pump.start();

const link = await openLink({ url, clientId: 'acme/plant-1/operator' });
const requester = createRequester({ link, address: { ...unit, agentId: 'operator' } });
const order = await coordinateDowntime.call(requester, coordinator.address, {
  sessionId: '3f0c2f7e-7a63-4a0b-9d0e-5a8f4f1f2a01',
  deviceId: 'pump-01',
  detectedAt: '2026-03-02T10:20:00Z',
  finding: { verdict: 'inner-race', confidence: 0.97, component: 'bearing-drive-end', evidence: [] },
});
console.log(order.text, order.assumptions);

await requester.close();
await link.close();
await pump.stop();
await coordinator.stop();
await planner.stop();
await broker.stop();
