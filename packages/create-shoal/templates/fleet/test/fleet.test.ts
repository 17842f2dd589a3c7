import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { createBroker } from '@shoal/broker';
import { start, type Running } from '../src/fleet.ts';

const broker = createBroker({ allowAnonymous: true });
let fleet: Running;
let recommended!: (found: { deviceId: string; outcome: unknown }) => void;
const recommendation = new Promise<{ deviceId: string; outcome: unknown }>(
  (resolve) => (recommended = resolve),
);

before(async () => {
  const url = (await broker.start()).tcp!.url;
  fleet = await start(url, {
    speed: 200,
    onRecommendation: (deviceId, outcome) => recommended({ deviceId, outcome }),
  });
});

after(async () => {
  await fleet.stop();
  await broker.stop();
});

it('finds the pump that is failing and recommends what to look at', async () => {
  const { deviceId, outcome } = await recommendation;
  assert.equal(deviceId, 'pump-01');
  assert.match(JSON.stringify(outcome), /vibration/);
});
