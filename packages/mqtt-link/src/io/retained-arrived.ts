import type { InboundMessage, Link, Qos } from '../link.ts';
import { lossOf } from './loss.ts';
import { randomText } from './random-text.ts';

export interface RetainedArrivedOptions {
  /** How many retained messages of the subscriptions in question have come so far. Default: those of all subscriptions of the link. */
  readonly seen?: () => number;
  /** QoS of those subscriptions: brokers keep an order for each QoS, not across them. Default 1. */
  readonly qos?: Qos;
  /** As of `readRetained`: the marker is beside it. */
  readonly markerTopic?: string;
  readonly signal?: AbortSignal;
}

/** Markers that have come: they are none of what is waited for, also where several wait on one link. */
const markersOf = new WeakMap<Link, number>();

/** A marker that nobody could take away is gone after so long. */
const MARKER_SECONDS = 60;

/**
 * Resolves when everything that the broker held for subscriptions of this link, whose SUBACK has come, has arrived. No waiting: a retained
 * marker is subscribed to after them, as often as it takes until none of their messages came before it. A broker that answers one SUBSCRIBE
 * after the other has sent all of theirs by then (Mosquitto, the embedded broker); one that reads a thousand messages for each
 * subscription in turn has had its turn and found nothing (EMQX 6.2). The marker is asked for by a wildcard, since EMQX paces what is asked for
 * by name less (`retainer.delivery_rate`).
 * Rejects with LinkError `connection-lost`, `publish-refused`, `subscribe-refused`, `fenced`, `closed`, and with the reason of `signal`.
 */
export async function retainedArrived(link: Link, options: RetainedArrivedOptions = {}): Promise<void> {
  const { qos = 1, signal } = options;
  const { seen = () => link.retainedCount - (markersOf.get(link) ?? 0) } = options;
  const beside = options.markerTopic ?? markerTopicOf(link.clientId, qos);
  const own = `${beside.slice(0, beside.lastIndexOf('/') + 1)}${randomText(16)}`;
  const topic = `${own}/0`;
  const loss = lossOf(link, signal);
  const round = async (): Promise<void> => {
    let arrived: () => void = ignore;
    const came = new Promise<void>((resolve) => (arrived = resolve));
    const onMarker = ({ retain }: InboundMessage): void => {
      if (!retain) return;
      markersOf.set(link, 1 + (markersOf.get(link) ?? 0));
      arrived();
    };
    const subscribing = link.subscribe(`${own}/+`, onMarker, { qos });
    try {
      await Promise.race([subscribing, loss.lost]);
      await Promise.race([came, loss.lost]);
    } finally {
      void subscribing.then((subscription) => subscription.close()).catch(ignore);
    }
  };
  const marker = { qos: 1, retain: true, messageExpirySeconds: MARKER_SECONDS } as const;
  try {
    await Promise.race([link.publish(topic, 'marker', marker), loss.lost]);
    for (let before = -1; before !== seen();) {
      before = seen();
      await round();
    }
  } finally {
    loss.stop();
    void link.publish(topic, '', { qos: 1, retain: true }).catch(ignore);
  }
}

/** The topic of a client's markers: in its own part of Shoal's tree, one for each QoS (default 1). */
export function markerTopicOf(clientId: string, qos: Qos = 1): string {
  const parts = clientId.split('/').map((part) => part.replace(/[^A-Za-z0-9_.-]/g, '_'));
  const [org = '_', unit = '_', ...rest] = parts.length < 3 ? ['_', '_', ...parts] : parts;
  return `shoal/v1/${org}/${unit}/agent/${rest.join('_') || '_'}/marker/${qos}`;
}

function ignore(): void {}
