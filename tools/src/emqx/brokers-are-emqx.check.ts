import { createBroker } from '@shoal/broker';
import { openLink } from '@shoal/mqtt-link';
import { testBrokers } from '@shoal/mqtt-link/testing';
import { expect, test } from 'vitest';

test('the embedded broker of contract suites acknowledges a card that is none, as EMQX does', async () => {
  const broker = await testBrokers(createBroker)[0].start();
  const clientId = 'acme/plant-1/pump-01';
  const link = await openLink({ url: broker.url, clientId });
  const ack = await link.publish(`$a2a/v1/discovery/${clientId}`, '{}', { qos: 1, retain: true });
  expect(ack.noMatchingSubscribers).toBe(true);
  await link.close();
  await broker.stop();
});
