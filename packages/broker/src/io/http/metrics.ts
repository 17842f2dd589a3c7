import type { BrokerStats } from '../broker-options.ts';

/** What is measured, besides the counts that `stats()` has, when somebody asks. */
export interface Gauges {
  readonly cards: { readonly online: number; readonly offline: number };
  readonly rejections: Readonly<Record<string, number>>;
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  readonly residentBytes: number;
  readonly cpuSeconds: number;
  readonly startedAtMs: number;
  /** Seconds that the event loop came too late, since the last time somebody asked: 99th percentile. */
  readonly loopDelaySeconds: number;
}

interface Family {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  /** Value by label set, as it is written: `{rule="R1"}`, or empty. */
  readonly values: Readonly<Record<string, number>>;
}

const family = (name: string, type: Family['type'], help: string, value: number): Family => ({
  name,
  type,
  help,
  values: { '': value },
});

/** Names ending in `_total` only grow. */
const STATS: Readonly<
  Record<keyof BrokerStats, readonly [name: string, type: Family['type'], help: string]>
> = {
  connections: ['shoal_broker_connections', 'gauge', 'Clients connected now.'],
  connectionsRefused: ['shoal_broker_connections_refused_total', 'counter', 'CONNECT packets refused.'],
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
  bytesReceived: ['shoal_broker_bytes_received_total', 'counter', 'Bytes received from clients.'],
  bytesSent: ['shoal_broker_bytes_sent_total', 'counter', 'Bytes sent to clients.'],
};

function families(stats: BrokerStats, gauges: Gauges): readonly Family[] {
  const counts = Object.entries(STATS).map(([field, [name, type, help]]) =>
    family(name, type, help, stats[field as keyof BrokerStats]),
  );
  const { cards, rejections } = gauges;
  return [
    ...counts,
    family(
      'shoal_broker_queued_messages',
      'gauge',
      'QoS 1 and 2 that wait in queues.',
      gauges.queuedMessages,
    ),
    family('shoal_broker_queued_bytes', 'gauge', 'Their size in memory, roughly.', gauges.queuedBytes),
    {
      name: 'shoal_broker_cards',
      type: 'gauge',
      help: 'Registered Agent Cards by status.',
      values: { '{status="online"}': cards.online, '{status="offline"}': cards.offline },
    },
    {
      name: 'shoal_broker_card_rejections_total',
      type: 'counter',
      help: 'Agent Cards rejected, by the rule that they broke.',
      values: Object.fromEntries(Object.entries(rejections).map(([rule, n]) => [`{rule="${rule}"}`, n])),
    },
    family('process_resident_memory_bytes', 'gauge', 'Resident memory.', gauges.residentBytes),
    family('process_cpu_seconds_total', 'counter', 'User and system CPU time.', gauges.cpuSeconds),
    family('process_start_time_seconds', 'gauge', 'Start, Unix time.', gauges.startedAtMs / 1_000),
    family(
      'nodejs_eventloop_lag_p99_seconds',
      'gauge',
      'Event loop delay since the last scrape.',
      gauges.loopDelaySeconds,
    ),
  ];
}

/** Prometheus text format 0.0.4: counts only, no names of clients and no topics. */
export function formatMetrics(stats: BrokerStats, gauges: Gauges): string {
  const lines: string[] = [];
  for (const { name, type, help, values } of families(stats, gauges)) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const [labels, value] of Object.entries(values)) lines.push(`${name}${labels} ${value}`);
  }
  return `${lines.join('\n')}\n`;
}
