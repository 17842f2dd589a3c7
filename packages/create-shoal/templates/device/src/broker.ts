/** A broker for development: MQTT 5 with an agent registry, in memory, reachable from this machine only. */
import { createBroker } from '@shoal/broker';

const broker = createBroker({ allowAnonymous: true, listen: { tcp: { port: 1883 } } });
const { tcp } = await broker.start();
process.stdout.write(`broker at ${tcp?.url}\n`);
const stop = (): void => void broker.stop().then(() => process.exit(0));
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
