import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createBroker } from '@shoal/broker';
import { serve, type Served } from '../serve.ts';
import { measureAway, type AwayLoad } from './generator/away.ts';
import { measureIdle, measureStorm, openDoomed, watchWills } from './generator/crowd.ts';
import type { Qos, Version } from './generator/lean-client.ts';
import { measureLatency, type Pace } from './generator/latency.ts';
import { measureCards, registerCards } from './generator/retained.ts';
import { measureThroughput, type Load } from './generator/throughput.ts';

interface WorkerParameters {
  /** Of an embedded broker; without it nothing is kept. */
  readonly directory?: string;
}

interface Crowd {
  readonly port: number;
  readonly pid: number;
  readonly version: Version;
  readonly count: number;
}

let watching: Awaited<ReturnType<typeof watchWills>> | undefined;

const generator: NonNullable<Served['commands']> = {
  throughput: (load) => measureThroughput(load as unknown as Load),
  away: (load) => measureAway(load as unknown as AwayLoad),
  latency: (pace) => measureLatency(pace as unknown as Pace),
  idle: (crowd) => measureIdle(crowd as unknown as Crowd),
  storm: (crowd) => measureStorm(crowd as unknown as Crowd),
  async registerCards(cards) {
    await registerCards(cards as unknown as Crowd);
    return 0;
  },
  cards: (cards) => measureCards(cards as unknown as Crowd & { qos: Qos }),
  async doom(crowd) {
    await openDoomed(crowd as unknown as Crowd);
    return 0;
  },
  async watchWills(crowd) {
    watching = await watchWills(crowd as unknown as Crowd);
    return 0;
  },
  async lastWillAtMs() {
    const atMs = await watching!.lastAtMs();
    watching!.close();
    return atMs;
  },
};

async function start(role: string, { directory }: WorkerParameters): Promise<void> {
  switch (role) {
    case 'embedded': {
      const broker = createBroker({
        allowAnonymous: true,
        listen: { tcp: {}, ws: false },
        store: directory === undefined ? 'memory' : { directory },
      });
      const { tcp } = await broker.start();
      return serve({ ready: { port: tcp!.port } });
    }
    case 'aedes': {
      // Not loaded where it is not measured.
      const { Aedes } = await import('aedes');
      const aedes = await Aedes.createBroker();
      const server = createServer({ noDelay: true }, aedes.handle);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 1_024, resolve));
      return serve({ ready: { port: (server.address() as AddressInfo).port } });
    }
    case 'generator':
      return serve({ commands: generator });
    default:
      throw new Error(`no role ${role}`);
  }
}

const [, , role = '', parameters = '{}'] = process.argv;
await start(role, JSON.parse(parameters) as WorkerParameters);
