import { parseArgs } from 'node:util';
import { buildConsole } from './build-console.ts';
import { serveStatic } from './static-server.ts';

/**
 * Builds and serves the console: `pnpm --filter @shoal/console serve [--broker ws://…] [--org ID --unit ID] [--port N]`. As a child process it
 * tells its parent `{ ready: true, url }`, and ends when the parent's channel closes.
 */
process.title = 'shoal-console';
const { values } = parseArgs({
  options: {
    broker: { type: 'string' },
    org: { type: 'string' },
    unit: { type: 'string' },
    port: { type: 'string', default: '0' },
  },
});
const { broker, org, unit } = values;
if (broker !== undefined && !(URL.canParse(broker) && /^wss?:$/.test(new URL(broker).protocol))) {
  process.stderr.write(`--broker takes a URL that begins with ws:// or wss://, not "${broker}"\n`);
  process.exit(2);
}
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
// Ctrl-C reaches the whole group of a terminal; a launcher ends this process itself.
if (process.send !== undefined) process.on('SIGINT', () => {});
const folder = await buildConsole();
const { url } = await serveStatic({
  folder,
  port: Number(values.port),
  ...(broker === undefined ? {} : { brokerUrl: broker }),
  ...(org === undefined ? {} : { org }),
  ...(unit === undefined ? {} : { unit }),
});
process.stdout.write(`console at ${url}\n`);
process.send?.({ ready: true, url });
