/** A broker in a process of its own, its store on disk, for suites that kill it. */
import { createBroker } from '@shoal/broker';

const broker = createBroker({
  allowAnonymous: true,
  listen: { tcp: { host: '127.0.0.1', port: Number(process.env['SHOAL_TEST_PORT'] ?? 0) } },
  store: { directory: process.env['SHOAL_TEST_DATA'] ?? '' },
});
const { tcp } = await broker.start();
process.stdout.write(`${tcp?.url}\n`);
