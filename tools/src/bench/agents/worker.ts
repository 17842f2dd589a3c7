import { createBroker } from '@shoal/broker';
import { serve, type Served } from '../serve.ts';
import { readWithMqttJs, startRawFleet } from './raw-fleet.ts';
import { readWithRegistry, startSdkFleet } from './sdk-fleet.ts';

interface FleetParameters {
  readonly url: string;
}

type Work = (url: string, count: number) => Promise<unknown>;

/** Milliseconds that a work takes. */
function timed(url: string, work: Work): NonNullable<Served['commands']>[string] {
  return async ({ count = 0 }) => {
    const startMs = performance.now();
    await work(url, count);
    return performance.now() - startMs;
  };
}

/** Each role runs in a process of its own. */
async function start(role: string, { url }: FleetParameters): Promise<void> {
  switch (role) {
    case 'broker': {
      const broker = createBroker({ allowAnonymous: true, listen: { tcp: {}, ws: false }, store: 'memory' });
      return serve({ ready: { url: (await broker.start()).tcp!.url } });
    }
    case 'sdk-fleet':
      return serve({ commands: { start: timed(url, startSdkFleet) } });
    case 'raw-fleet':
      return serve({ commands: { start: timed(url, startRawFleet) } });
    case 'sdk-reader':
      return serve({ commands: { read: ({ count = 0 }) => readWithRegistry(url, count) } });
    case 'raw-reader':
      return serve({ commands: { read: ({ count = 0 }) => readWithMqttJs(url, count) } });
    default:
      throw new Error(`no role ${role}`);
  }
}

const [, , role = '', parameters = '{}'] = process.argv;
await start(role, JSON.parse(parameters) as FleetParameters);
