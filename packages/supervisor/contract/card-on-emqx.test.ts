import { createBroker } from '@shoal/broker';
import { defineBlueprint } from '@shoal/workflow';
import { expect, test } from 'vitest';
import { FleetBench } from './fleet-bench.ts';

const FLOW = 'id: flow\ndescription: x\nsteps: [{ id: a, use: { blueprint: work } }]\n';
const work = defineBlueprint({
  id: 'work',
  description: 'Works.',
  run: () => Promise.resolve({ output: null }),
});

test('rules 18 and 19: the card is taken over on a broker that tells presence to nobody who does not ask', async () => {
  const broker = createBroker({ allowAnonymous: true, registry: { profile: 'emqx' } });
  const { tcp } = await broker.start();
  const fleet = await FleetBench.open(tcp?.url ?? '');
  try {
    const first = await fleet.supervise(FLOW, [work]);
    await fleet.logged(({ message }) => message === 'holds the card');
    const second = await fleet.supervise(FLOW, [work]);
    await first.stop();
    await expect.poll(() => second.stats().cardsHeld, { timeout: 15_000 }).toEqual(['flow']);
  } finally {
    await fleet.close();
    await broker.stop();
  }
}, 30_000);
