/** A durable broker in a process of its own, for tests that kill it. Prints its URL on one line. */
import { createBroker } from '../src/index.ts';

const broker = createBroker({ allowAnonymous: true, store: { directory: process.argv[2] as string } });
const { tcp } = await broker.start();
process.stdout.write(`${tcp?.url}\n`);
