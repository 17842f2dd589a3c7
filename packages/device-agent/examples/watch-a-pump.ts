import { createAgent, createRequester } from '@shoal/agent-sdk';
import { createBroker } from '@shoal/broker';
import { startDeviceAgent } from '@shoal/device-agent';
import { pumpModel, startDevice } from '@shoal/device-sim';
import { openLink } from '@shoal/mqtt-link';

const broker = createBroker({ allowAnonymous: true });
const { url } = (await broker.start()).tcp!;
const unit = { org: 'acme', unit: 'plant-1' };

// Whoever is asked when something is wrong. In a fleet this is a workflow; here it is an agent that prints the evidence.
const maintenance = createAgent({
  url,
  ...unit,
  agentId: 'maintenance',
  card: { name: 'Maintenance', description: 'Takes reports of incidents.' },
  handle: (task) => {
    console.log('asked to look after', JSON.stringify(task.data, null, 2));
    return { text: 'work order written', data: { workOrderId: 'WO-1' } };
  },
});
await maintenance.start();

let reported!: () => void;
const ended = new Promise<void>((resolve) => (reported = resolve));

// A pump that gets an imbalance at its 600th sample, 200 times as fast as real time.
const source = pumpModel({ seed: 1, faults: [{ kind: 'imbalance', startsAtSample: 600 }] });
const device = await startDevice({ url, ...unit, deviceId: 'pump-01', source, speed: 200 });
const agent = await startDeviceAgent({
  url,
  ...unit,
  deviceId: 'pump-01',
  deviceType: 'pump',
  relations: [{ deviceId: 'pump-02', relation: 'standby' }],
  detector: { learnSamples: 400 },
  workflow: { ...unit, agentId: 'maintenance' },
  onOutcome: ({ summary, outcome }) => {
    console.log('the request ended:', summary ?? '', outcome);
    reported();
  },
});
await ended;

// Anyone on the broker can ask it.
const link = await openLink({ url, clientId: 'acme/plant-1/operator' });
const requester = createRequester({ link, address: { ...unit, agentId: 'operator' } });
const answer = await requester.send(agent.address, 'What is wrong?');
if ('artifacts' in answer) console.log(answer.artifacts?.[0]?.parts[0]?.text);

await requester.close();
await link.close();
await agent.stop();
await device.stop();
await maintenance.stop();
await broker.stop();
