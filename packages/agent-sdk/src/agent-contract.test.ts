import { createBroker } from '@shoal/broker';
import { mosquittoPath, namedBroker, startMosquitto } from '@shoal/mqtt-link/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContractSetting, agentContract } from './testing/index.ts';

interface Running {
  readonly url: string;
  stop(): Promise<void>;
}

async function embedded(profile: 'shoal' | 'emqx'): Promise<Running> {
  const broker = createBroker({ allowAnonymous: true, registry: { profile } });
  const { tcp } = await broker.start();
  if (tcp === undefined) throw new Error('the broker does not listen');
  return { url: tcp.url, stop: () => broker.stop() };
}

const named = namedBroker();
const brokers = [
  { name: 'the embedded broker', start: () => embedded('shoal'), skip: false },
  { name: 'the embedded broker as EMQX', start: () => embedded('emqx'), skip: false },
  { name: 'Mosquitto', start: (): Promise<Running> => startMosquitto(), skip: mosquittoPath() === undefined },
  ...(named === undefined ? [] : [named]),
];

for (const { name, start, skip } of brokers) {
  describe.skipIf(skip)(`on ${name}${skip ? ' (not installed)' : ''}`, () => {
    let running: Running;
    beforeAll(async () => {
      running = await start();
    });
    afterAll(() => running.stop());

    for (const contractCase of agentContract) {
      it(`${contractCase.id}: ${contractCase.title}`, async () => {
        const setting = new ContractSetting(running.url);
        const outcome = contractCase.run(setting);
        await outcome.catch(() => undefined);
        await setting.end();
        await expect(outcome).resolves.toBeUndefined();
      });
    }
  });
}
