import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { BrokerError } from './broker-error.ts';
import type { BrokerStats } from './broker-options.ts';
import type { Address, Listener, ListenerOptions } from './listeners.ts';

/** Prometheus text format 0.0.4. Names ending in `_total` only grow. */
const METRICS: Readonly<
  Record<keyof BrokerStats, readonly [name: string, type: 'gauge' | 'counter', help: string]>
> = {
  connections: ['shoal_broker_connections', 'gauge', 'Clients connected now.'],
  sessions: ['shoal_broker_sessions', 'gauge', 'Sessions, with and without a connection.'],
  subscriptions: ['shoal_broker_subscriptions', 'gauge', 'Subscriptions of all sessions.'],
  retained: ['shoal_broker_retained_messages', 'gauge', 'Retained messages, without $SYS.'],
  messagesReceived: ['shoal_broker_messages_received_total', 'counter', 'PUBLISH packets received.'],
  messagesSent: ['shoal_broker_messages_sent_total', 'counter', 'PUBLISH packets sent.'],
  messagesDropped: [
    'shoal_broker_messages_dropped_total',
    'counter',
    'Messages dropped: full queue, expired, too large.',
  ],
  publishesRefused: [
    'shoal_broker_publishes_refused_total',
    'counter',
    'PUBLISH packets refused with a reason code.',
  ],
};

export function formatMetrics(stats: BrokerStats): string {
  const lines: string[] = [];
  for (const [field, [name, type, help]] of Object.entries(METRICS)) {
    lines.push(
      `# HELP ${name} ${help}`,
      `# TYPE ${name} ${type}`,
      `${name} ${stats[field as keyof BrokerStats]}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** `/healthz` and `/metrics`: counts only, no names, no topics. Rejects with BrokerError `listen-failed`. */
export function listenHttp(options: ListenerOptions, stats: () => BrokerStats): Promise<Listener> {
  const { host = '127.0.0.1', port = 0 } = options;
  const http = createServer((request, response) => {
    const { url, method } = request;
    const known = url === '/healthz' || url === '/metrics';
    if (!known || (method !== 'GET' && method !== 'HEAD')) {
      response.writeHead(known ? 405 : 404).end();
      return;
    }
    const body = url === '/healthz' ? 'ok\n' : formatMetrics(stats());
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(body);
  });
  return new Promise((resolve, reject) => {
    http.once('error', (error) =>
      reject(new BrokerError('listen-failed', `cannot listen on ${host}:${port}: ${error.message}`, error)),
    );
    http.listen({ host, port }, () => {
      const info = http.address() as AddressInfo;
      const address: Address = { host: info.address, port: info.port, url: `http://${host}:${info.port}` };
      const close = (): Promise<void> =>
        new Promise((done) => {
          http.close(() => done());
          http.closeAllConnections();
        });
      resolve({ address, close });
    });
  });
}
