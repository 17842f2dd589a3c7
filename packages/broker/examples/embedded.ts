import { createBroker } from '@shoal/broker';
import mqtt from 'mqtt';

const broker = createBroker({ allowAnonymous: true, listen: { tcp: { port: 0 }, ws: { port: 0 } } });
const { tcp, ws } = await broker.start();
process.stdout.write(`listening on ${tcp?.url} and ${ws?.url}\n`);

const client = await mqtt.connectAsync(tcp?.url as string, { protocolVersion: 5 });
const received = new Promise<string>((resolve) => {
  client.on('message', (topic, payload) => resolve(`${topic}: ${payload.toString()}`));
});
await client.subscribeAsync('greetings/#', { qos: 1 });
await client.publishAsync('greetings/world', 'hello', { qos: 1 });
process.stdout.write(`${await received}\n`);

await client.endAsync();
await broker.stop();
