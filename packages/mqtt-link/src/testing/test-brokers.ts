import { mosquittoPath, startMosquitto } from './mosquitto.ts';

export interface TestBroker {
  readonly name: string;
  /** It is not installed. */
  readonly skip: boolean;
  readonly start: () => Promise<{ readonly url: string; stop(): Promise<void> }>;
}

/** The part of `createBroker` of `@shoal/broker` that is used here. */
type CreateBroker = (options: { readonly allowAnonymous: true }) => {
  start(): Promise<{ readonly tcp?: { readonly url: string } | undefined }>;
  stop(): Promise<void>;
};

/** What a contract suite runs on: the embedded broker, which the caller brings, Mosquitto, and `namedBroker`, each open to everybody. */
export function testBrokers(
  createBroker: CreateBroker,
): readonly [TestBroker, TestBroker, ...(readonly TestBroker[])] {
  const named = namedBroker();
  return [
    {
      name: 'the embedded broker',
      skip: false,
      async start() {
        const broker = createBroker({ allowAnonymous: true });
        const { tcp } = await broker.start();
        if (tcp === undefined) throw new Error('the embedded broker opened no TCP listener');
        return { url: tcp.url, stop: () => broker.stop() };
      },
    },
    { name: 'Mosquitto', skip: mosquittoPath() === undefined, start: () => startMosquitto() },
    ...(named === undefined ? [] : [named]),
  ];
}

/** A broker that runs already, by its URL in SHOAL_TEST_BROKER: contract suites run on it as well. */
export function namedBroker(): TestBroker | undefined {
  const url = process.env['SHOAL_TEST_BROKER'];
  if (url === undefined || url === '') return undefined;
  return { name: url, skip: false, start: () => Promise.resolve({ url, stop: () => Promise.resolve() }) };
}
