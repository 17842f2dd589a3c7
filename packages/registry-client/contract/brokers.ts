import { createBroker, hashPassword, type BrokerOptions } from '@shoal/broker';
import { mosquittoPath, startMosquitto } from '@shoal/mqtt-link/testing';

export interface RunningBroker {
  readonly url: string;
  /** Everything is forgotten, and the address stays. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface BrokerKind {
  readonly name: string;
  readonly skip: boolean;
  start(): Promise<RunningBroker>;
}

async function embedded(options: Pick<BrokerOptions, 'registry' | 'authorize'> = {}): Promise<RunningBroker> {
  let broker = createBroker({ allowAnonymous: true, ...options });
  const { tcp } = await broker.start();
  if (tcp === undefined) throw new Error('the broker does not listen');
  const { url, port } = tcp;
  return {
    url,
    async restart() {
      await broker.stop();
      broker = createBroker({ allowAnonymous: true, ...options, listen: { tcp: { port }, ws: false } });
      await broker.start();
    },
    stop: () => broker.stop(),
  };
}

/** What the registry client meets: a broker that pushes presence, one that computes it in silence, one that refuses wide filters, one that knows nothing of presence. */
export const BROKERS = {
  shoal: { name: 'the embedded broker', skip: false, start: () => embedded() },
  emqx: {
    name: 'the embedded broker as EMQX',
    skip: false,
    start: () => embedded({ registry: { profile: 'emqx' } }),
  },
  /** As the rules of a unit do: whoever watches it may subscribe to its cards, and not to everything under it. */
  narrow: {
    name: 'the embedded broker under the rules of a unit',
    skip: false,
    start: () => embedded({ authorize: (_, action, topic) => action === 'publish' || !topic.endsWith('/#') }),
  },
  mosquitto: {
    name: 'Mosquitto',
    skip: mosquittoPath() === undefined,
    start: (): Promise<RunningBroker> => startMosquitto(),
  },
} as const satisfies Record<string, BrokerKind>;

/** As EMQX, with its management API. */
export async function startWithApi(): Promise<{
  readonly url: string;
  readonly apiUrl: string;
  stop(): Promise<void>;
}> {
  const apiKeys = [{ key: 'k', secretHash: await hashPassword('s'), role: 'administrator' as const }];
  const broker = createBroker({
    allowAnonymous: true,
    registry: { profile: 'emqx' },
    listen: { http: { apiKeys } },
  });
  const { tcp, http } = await broker.start();
  return { url: tcp?.url ?? '', apiUrl: http?.url ?? '', stop: () => broker.stop() };
}
