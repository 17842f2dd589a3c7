import { createBroker as create, type Broker, type BrokerOptions } from '@shoal/broker';

export * from '@shoal/broker';

/** Stands in for the broker's own in the tests of `vitest.config.ts`. */
export const createBroker = (options: BrokerOptions): Broker =>
  create({ ...options, registry: { profile: 'emqx', ...options.registry } });
