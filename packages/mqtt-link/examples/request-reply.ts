import { createReplyRouter, openLink } from '@shoal/mqtt-link';

const url = process.argv[2] ?? 'mqtt://127.0.0.1:1883';

const pump = await openLink({ url, clientId: 'acme/plant/pump-01' });
await pump.subscribe('demo/pump-01', async (message) => {
  const speed = Number(message.text());
  const to = { correlationData: message.correlationData! };
  await pump.publish(message.responseTopic!, `running at ${speed} rpm`, to);
});

const operator = await openLink({ url, clientId: 'acme/plant/operator' });
const router = createReplyRouter(operator, { replyTopic: 'demo/replies/operator' });
const request = router.request('demo/pump-01', '1480');
if ((await request.ack).noMatchingSubscribers) throw new Error('no pump is listening');
for await (const reply of request.replies) {
  console.log(reply.text()); // running at 1480 rpm
  break;
}

await Promise.all([operator.close(), pump.close()]);
