import type { IConnectPacket, IPublishPacket, Packet } from 'mqtt-packet';
import type { TapAction, TapEvent } from '../src/io/tap.ts';

type Mutate = (packet: Packet, from: TapEvent['from']) => TapAction;

interface BrokerMutant {
  /** Scenarios that have to notice it. */
  readonly scenarios: readonly string[];
  readonly mutate: Mutate;
}

/** Changes what the broker delivers. */
const delivered =
  (change: (packet: IPublishPacket) => IPublishPacket | 'drop'): Mutate =>
  (packet, from) => {
    if (from !== 'broker' || packet.cmd !== 'publish') return undefined;
    const changed = change(packet);
    return changed === 'drop' ? 'drop' : [changed];
  };

/** Changes what clients publish, before the broker has it. */
const published =
  (change: (packet: IPublishPacket) => IPublishPacket): Mutate =>
  (packet, from) =>
    from === 'subject' && packet.cmd === 'publish' ? [change(packet)] : undefined;

const connected =
  (change: (packet: IConnectPacket) => IConnectPacket | 'drop'): Mutate =>
  (packet, from) => {
    if (from !== 'subject' || packet.cmd !== 'connect') return undefined;
    const changed = change(packet);
    return changed === 'drop' ? 'drop' : [changed];
  };

const withProperties = (packet: IPublishPacket, change: object): IPublishPacket => ({
  ...packet,
  properties: { ...packet.properties, ...change },
});

const withStatus = (status: string) =>
  delivered((packet) =>
    withProperties(packet, {
      userProperties: {
        ...packet.properties?.userProperties,
        'a2a-status': status,
        'a2a-status-source': 'broker',
      },
    }),
  );

const filterOf =
  (change: (topic: string) => string): Mutate =>
  (packet, from) =>
    from === 'subject' && packet.cmd === 'subscribe'
      ? [
          {
            ...packet,
            subscriptions: packet.subscriptions.map((one) => ({ ...one, topic: change(one.topic) })),
          },
        ]
      : undefined;

const puback =
  (reasonCode: number): Mutate =>
  (packet, from) =>
    from === 'broker' && packet.cmd === 'puback' ? [{ ...packet, reasonCode }] : undefined;

/** Ways in which a broker can be wrong, played by a tap in front of one that is not. */
export const BROKER_MUTANTS: Readonly<Record<string, BrokerMutant>> = {
  'QoS 0 granted': {
    scenarios: ['B01.qos1'],
    mutate: (packet, from) =>
      from === 'broker' && packet.cmd === 'suback' ? [{ ...packet, granted: [0] }] : undefined,
  },
  'long client ids refused': {
    scenarios: ['B02.client-id'],
    mutate: connected((packet) => (packet.clientId.length > 60 ? 'drop' : packet)),
  },
  'content type lost': {
    scenarios: ['B03.request-reply', 'B06.retained'],
    mutate: delivered((packet) => withProperties(packet, { contentType: undefined })),
  },
  'correlation cut': {
    scenarios: ['B03.large-correlation'],
    mutate: delivered((packet) =>
      withProperties(packet, { correlationData: packet.properties?.correlationData?.subarray(0, 1_000) }),
    ),
  },
  'user properties reversed': {
    scenarios: ['B04.user-properties'],
    mutate: delivered((packet) => {
      const entries = Object.entries(packet.properties?.userProperties ?? {});
      const reversed = entries.map(([name, value]) => [name, [value].flat().toReversed()]);
      return reversed.length === 0
        ? packet
        : withProperties(packet, { userProperties: Object.fromEntries(reversed) as object });
    }),
  },
  'one message lost': {
    scenarios: ['B05.order'],
    mutate: delivered((packet) => (packet.payload.toString() === '250' ? 'drop' : packet)),
  },
  'retained messages not delivered': {
    scenarios: ['B06.retained', 'B06.scoped-filter', 'B06.replace'],
    mutate: delivered((packet) => (packet.retain ? 'drop' : packet)),
  },
  'retain flag lost': {
    scenarios: ['B06.retained'],
    mutate: delivered((packet) => ({ ...packet, retain: false })),
  },
  'retained messages not deleted': {
    scenarios: ['B06.delete'],
    mutate: published((packet) => (packet.payload.length === 0 ? { ...packet, retain: false } : packet)),
  },
  'wildcards match $': {
    scenarios: ['B07.dollar'],
    mutate: filterOf((topic) => (topic === '#' ? '$a2a/#' : topic)),
  },
  'wills ignored': {
    scenarios: ['B08.no-will'],
    mutate: connected((packet) => {
      const { will: _will, ...rest } = packet;
      return rest;
    }),
  },
  'wills sent after a clean end': {
    scenarios: ['B08.no-will'],
    mutate: (packet, from) => (from === 'subject' && packet.cmd === 'disconnect' ? 'drop' : undefined),
  },
  'sessions not kept': {
    scenarios: ['B09.session'],
    mutate: connected((packet) => ({ ...packet, clean: true })),
  },
  'no word at a takeover': {
    scenarios: ['B10.reason'],
    mutate: (packet, from) => (from === 'broker' && packet.cmd === 'disconnect' ? 'drop' : undefined),
  },
  'two clients of one name': {
    scenarios: ['B10.takeover', 'B10.reason'],
    mutate: connected((packet) => ({ ...packet, clientId: `${packet.clientId}-${Math.random()}` })),
  },
  'expiry ignored': {
    scenarios: ['B11.expiry'],
    mutate: published((packet) => withProperties(packet, { messageExpiryInterval: undefined })),
  },
  'expired messages delivered': {
    scenarios: ['B11.expiry'],
    mutate: published((packet) =>
      packet.properties?.messageExpiryInterval === 1
        ? withProperties(packet, { messageExpiryInterval: 60 })
        : packet,
    ),
  },
  'nobody is somebody': { scenarios: ['B12.no-subscriber'], mutate: puback(0) },
  'invalid reason code': { scenarios: ['B12.puback', 'B12.no-subscriber'], mutate: puback(1) },
  'shared subscriptions not shared': {
    scenarios: ['B13.shared'],
    mutate: filterOf((topic) => topic.replace(/^\$share\/[^/]+\//, '')),
  },
  'always offline': { scenarios: ['B14.online', 'B06.retained'], mutate: withStatus('offline') },
  'always online': { scenarios: ['B14.offline', 'B08.will'], mutate: withStatus('online') },
};
