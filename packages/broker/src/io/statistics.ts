import type { BrokerStats } from './broker-options.ts';

/** What is announced every few seconds, by topic below `$SYS/broker/`. */
export const statisticsTopics = (stats: BrokerStats): Readonly<Record<string, number>> => ({
  'clients/connected': stats.connections,
  'clients/total': stats.sessions,
  'clients/refused': stats.connectionsRefused,
  'subscriptions/count': stats.subscriptions,
  'retained messages/count': stats.retained,
  'messages/received': stats.messagesReceived,
  'messages/sent': stats.messagesSent,
  'messages/dropped': stats.messagesDropped,
  'messages/refused': stats.publishesRefused,
  'bytes/received': stats.bytesReceived,
  'bytes/sent': stats.bytesSent,
  'uptime/seconds': Math.floor(process.uptime()),
});
