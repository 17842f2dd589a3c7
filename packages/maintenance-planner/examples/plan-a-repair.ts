import { createRequester } from '@shoal/agent-sdk';
import { createBroker } from '@shoal/broker';
import { bookMaintenance, releaseMaintenance, startMaintenancePlanner } from '@shoal/maintenance-planner';
import { openLink } from '@shoal/mqtt-link';

const broker = createBroker({ allowAnonymous: true });
const { url } = (await broker.start()).tcp!;
const unit = { org: 'acme', unit: 'plant-1' };

const planner = await startMaintenancePlanner({
  url,
  ...unit,
  database: ':memory:',
  seed: {
    site: 'north',
    parts: [
      {
        sku: 'BRG-6205',
        name: 'Ball bearing 6205',
        fits: ['bearing-drive-end'],
        stock: 2,
        leadTimeHours: 36,
        unitCost: 48,
      },
    ],
    technicians: [
      {
        id: 't-okafor',
        name: 'N. Okafor',
        skills: ['bearings'],
        costPerHour: 65,
        site: 'depot',
        shifts: [{ days: [1, 2, 3, 4, 5], from: '08:00', to: '17:00' }],
      },
    ],
    travel: [{ from: 'depot', to: 'north', minutes: 25 }],
  },
  policy: { site: 'north' },
});

// Anyone on the broker can ask it.
const link = await openLink({ url, clientId: 'acme/plant-1/operator' });
const requester = createRequester({ link, address: { ...unit, agentId: 'operator' } });
const key = { sessionId: 'session-1', stepId: 'order' };
const request = { deviceId: 'pump-01', verdict: 'inner-race', at: '2026-03-02T10:20:00Z' };
const { plan } = await bookMaintenance.call(requester, planner.address, { key, request });
console.log(plan.startAt, plan.technicians[0]?.name, plan.reasons, plan.rejected);
await releaseMaintenance.call(requester, planner.address, { key, reason: 'only an example' });

await requester.close();
await link.close();
await planner.stop();
await broker.stop();
