import { afterEach, beforeEach } from 'vitest';

import { createBroker, type Broker, type BrokerAddresses, type BrokerSettings } from '../../src/index.ts';
import { RawClient } from './raw-client.ts';

export interface Fixture {
  readonly addresses: BrokerAddresses;
  readonly broker: Broker;
  /** Another broker for this test. */
  restart(settings: BrokerSettings): Promise<void>;
  open(version?: 4 | 5): Promise<RawClient>;
  /** Connected; CONNACK was read. */
  client(...connect: Parameters<RawClient['connect']>): Promise<RawClient>;
}

/** A broker for each test, and its clients. Small limits, so that tests reach them. */
export function useBroker(settings: BrokerSettings = {}): Fixture {
  let broker: Broker;
  let addresses: BrokerAddresses = {};
  const clients: RawClient[] = [];

  const start = async (options: BrokerSettings): Promise<void> => {
    broker = createBroker({ listen: { tcp: {}, ws: {} }, ...options, allowAnonymous: true });
    addresses = await broker.start();
  };
  const open = async (version: 4 | 5 = 5): Promise<RawClient> => {
    const client = await RawClient.open(addresses, version);
    clients.push(client);
    return client;
  };

  beforeEach(() => start(settings));
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await broker.stop();
  });

  return {
    get addresses() {
      return addresses;
    },
    get broker() {
      return broker;
    },
    async restart(options) {
      await broker.stop();
      await start(options);
    },
    open,
    async client(clientId, fields = {}) {
      const client = await open(fields.protocolVersion === 4 ? 4 : 5);
      await client.connect(clientId, fields);
      return client;
    },
  };
}
