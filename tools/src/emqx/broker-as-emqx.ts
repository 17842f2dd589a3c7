import { createBroker as create, type Broker, type BrokerOptions } from '@shoal/broker';

export * from '@shoal/broker';

/** Stands in for the broker's own in the tests of `vitest.config.ts`. How fast it may keep messages is raised, as in `deploy/emqx`. */
export const createBroker = (options: BrokerOptions): Broker =>
  create({
    ...options,
    registry: { profile: 'emqx', ...options.registry },
    limits: { maxRetainedPerSecond: 0, ...options.limits },
  });
