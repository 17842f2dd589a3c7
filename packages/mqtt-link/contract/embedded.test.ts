import { createBroker } from '@shoal/broker';
import { linkContract } from './link-contract.ts';

linkContract('embedded broker', async () => {
  const broker = createBroker({ allowAnonymous: true, listen: { tcp: { port: 0 }, ws: { port: 0 } } });
  const { tcp, ws } = await broker.start();
  return { host: tcp!.host, port: tcp!.port, url: tcp!.url, wsUrl: ws!.url, stop: () => broker.stop() };
});
