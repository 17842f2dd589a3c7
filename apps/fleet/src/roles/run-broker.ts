import { createBroker } from '@shoal/broker';
import { stopWhenTold, tellReady } from '../processes/managed.ts';

/** The embedded broker, in a process of its own. Its ports and its folder come from the launcher, so that a restart keeps them. */
export async function runBroker(): Promise<void> {
  process.title = 'shoal-broker';
  const directory = process.env['SHOAL_BROKER_DIRECTORY'];
  if (directory === undefined) throw new Error('SHOAL_BROKER_DIRECTORY is not set');
  const port = Number(process.env['SHOAL_BROKER_PORT'] ?? 0);
  const wsPort = Number(process.env['SHOAL_BROKER_WS_PORT'] ?? 0);
  const broker = createBroker({
    allowAnonymous: true,
    listen: { tcp: { port }, ws: { port: wsPort } },
    store: { directory },
  });
  stopWhenTold(() => broker.stop());
  const { tcp, ws } = await broker.start();
  if (tcp === undefined || ws === undefined) throw new Error('the broker opened no listener');
  tellReady({ url: tcp.url, wsUrl: ws.url });
}
