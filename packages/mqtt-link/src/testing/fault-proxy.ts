import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy before a broker that can lose, hold and refuse connections. */
export interface FaultProxy {
  readonly url: string;
  /** Connections made so far. */
  readonly connections: number;
  /** Drops every open connection, without a word of the protocol. */
  cut(): void;
  /** Holds back what the broker says, or the client, until `release`. The other direction flows. */
  hold(direction: 'to-client' | 'to-broker'): void;
  /** What was held back goes on its way, in its order. */
  release(): void;
  /** From now on, new connections are dropped at once (true) or served (false). */
  refuse(refuse: boolean): void;
  stop(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly broker: Socket;
}

/** Listens on a free port of 127.0.0.1. Stop it: it holds the port and its connections until then. */
export async function startFaultProxy(target: {
  readonly host: string;
  readonly port: number;
}): Promise<FaultProxy> {
  const pairs = new Set<Pair>();
  let connections = 0;
  let refusing = false;
  let held: 'to-client' | 'to-broker' | undefined;
  const apply = ({ client, broker }: Pair): void => {
    if (held === 'to-client') broker.pause();
    else broker.resume();
    if (held === 'to-broker') client.pause();
    else client.resume();
  };
  const server = createServer({ noDelay: true }, (client) => {
    connections += 1;
    if (refusing) {
      client.destroy();
      return;
    }
    const broker = connect({ ...target, noDelay: true });
    const pair = { client, broker };
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      broker.destroy();
    };
    // A clean end passes through, so that a DISCONNECT just before it is not lost.
    client.on('data', (chunk) => broker.write(chunk)).on('end', () => broker.end());
    broker.on('data', (chunk) => client.write(chunk)).on('end', () => client.end());
    for (const socket of [client, broker]) socket.on('error', end).on('close', end);
    apply(pair);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const hold = (direction: typeof held): void => {
    held = direction;
    for (const pair of pairs) apply(pair);
  };
  const cut = (): void => {
    for (const { client, broker } of pairs) {
      client.destroy();
      broker.destroy();
    }
  };
  return {
    url: `mqtt://127.0.0.1:${port}`,
    get connections() {
      return connections;
    },
    cut,
    hold,
    release: () => hold(undefined),
    refuse: (refuse) => {
      refusing = refuse;
    },
    async stop() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
