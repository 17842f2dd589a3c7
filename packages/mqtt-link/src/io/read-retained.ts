import { Buffer } from '../core/bytes.ts';
import { LinkError } from '../core/link-error.ts';
import { assertTopicFilter } from '../core/topic.ts';
import type { InboundMessage, Link, PublishAck, Qos } from '../link.ts';
import { randomText } from './random-text.ts';

export interface ReadRetainedOptions {
  /**
   * Go on until this long after the last retained message. Default 0: the marker alone ends the snapshot, which is right for
   * brokers that answer a SUBSCRIBE in order (Mosquitto, the embedded broker). EMQX sends retained messages from another
   * process; give it some 200.
   */
  readonly settleMs?: number;
  /** Longest time for all. Default 10 000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /**
   * QoS of the subscription. Default 0: on a living connection nothing is lost, and the broker's limits for QoS 1 (Mosquitto:
   * 20 in flight and 1 000 queued, the rest dropped silently) do not apply.
   */
  readonly qos?: Qos;
  /**
   * Tells what was kept by the flag that it was published with. Messages published meanwhile then count as well. Needed for what EMQX's
   * REST API wrote, which it delivers without the flag otherwise. Default false.
   */
  readonly retainAsPublished?: boolean;
  /**
   * A topic that this client may publish and subscribe, used for markers of one QoS only. Default
   * `shoal/v1/{org}/{unit}/agent/{agentId}/marker/{qos}` for the client id `{org}/{unit}/{agentId}`.
   */
  readonly markerTopic?: string;
}

/**
 * The retained messages under a filter, by topic, as the broker held them when it took the SUBSCRIBE. Complete by order, not by
 * waiting: after SUBACK a marker is published on the same connection, and what comes before it is the snapshot.
 * Messages published meanwhile are not in it. Starts again when the connection is replaced.
 * Rejects with LinkError `snapshot-incomplete` (no marker in time), `subscribe-refused`, `publish-refused`, `aborted`, `fenced`,
 * `closed`, or on a fenced link `not-connected` and `connection-lost`.
 */
export async function readRetained(
  link: Link,
  filter: string,
  options: ReadRetainedOptions = {},
): Promise<Map<string, InboundMessage>> {
  const found = new Map<string, InboundMessage>();
  const onMessage = (message: InboundMessage): void => void found.set(message.topic, copyOf(message));
  await scanRetained(link, filter, { onMessage, onRestart: () => found.clear() }, options);
  return found;
}

export interface RetainedScan {
  /** One retained message. Its payload is a view that is only good during the call. */
  onMessage(message: InboundMessage): void;
  /** The connection was replaced: what came so far may be no more, and everything comes again. */
  onRestart?(): void;
}

/** As `readRetained`, message by message: nothing is kept, and nothing is copied. Resolves at the end of the snapshot. */
export async function scanRetained(
  link: Link,
  filter: string,
  scan: RetainedScan,
  options: ReadRetainedOptions = {},
): Promise<void> {
  assertTopicFilter('filter', filter);
  const { timeoutMs = 10_000, signal } = options;
  const stop = new AbortController();
  const onAbort = (): void =>
    stop.abort(
      new LinkError('aborted', `the snapshot of "${filter}" was aborted`, { cause: signal?.reason }),
    );
  const timer = setTimeout(() => {
    const message = `no marker within ${timeoutMs} ms: the snapshot of "${filter}" may lack messages`;
    stop.abort(new LinkError('snapshot-incomplete', message));
  }, timeoutMs);
  const end = (code: 'fenced' | 'closed') => (): void =>
    stop.abort(new LinkError(code, `the link was ${code} during the snapshot of "${filter}"`));
  const stopListening = [link.on('fenced', end('fenced')), link.on('closed', end('closed'))];
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted === true) onAbort();
  try {
    await snapshot(link, filter, scan, options, stop.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    for (const stopOne of stopListening) stopOne();
    stop.abort();
  }
}

/** The topic of a client's markers: in its own part of Shoal's tree, never retained, one for each QoS (default 1). */
export function markerTopicOf(clientId: string, qos: Qos = 1): string {
  const parts = clientId.split('/').map((part) => part.replace(/[^A-Za-z0-9_.-]/g, '_'));
  const [org = '_', unit = '_', ...rest] = parts.length < 3 ? ['_', '_', ...parts] : parts;
  return `shoal/v1/${org}/${unit}/agent/${rest.join('_') || '_'}/marker/${qos}`;
}

async function snapshot(
  link: Link,
  filter: string,
  scan: RetainedScan,
  options: ReadRetainedOptions,
  signal: AbortSignal,
): Promise<void> {
  const { qos = 0, retainAsPublished = false } = options;
  const markerTopic = options.markerTopic ?? markerTopicOf(link.clientId, qos);
  const settle = new Settle(options.settleMs ?? 0);
  // Each connection has a marker of its own: one that was resent after a reconnect proves nothing about the new subscription.
  let nonce = '';
  let sendMarker: () => void = ignore;
  const markerSeen = new Promise<void>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
    sendMarker = () => {
      nonce = randomText(24);
      publishMarker(link, markerTopic, nonce).catch(reject);
    };
    settle.onSettled = resolve;
  });
  markerSeen.catch(ignore);
  signal.throwIfAborted();
  // At the same QoS as the snapshot: brokers keep an order for each QoS, not across them.
  const onMarker = (message: InboundMessage): void => {
    if (message.text() === nonce) settle.begin();
  };
  const marker = await link.subscribe(markerTopic, onMarker, { qos });
  const retained = await link
    .subscribe(
      filter,
      (message) => {
        if (!message.retain || message.topic === markerTopic) return;
        scan.onMessage(message);
        settle.touch();
      },
      { qos, retainAsPublished },
    )
    .catch(async (error: unknown) => {
      await marker.close();
      throw error;
    });
  const stopListening = link.on('online', () => {
    scan.onRestart?.();
    sendMarker();
  });
  try {
    sendMarker();
    await markerSeen;
  } finally {
    stopListening();
    settle.cancel();
    void retained.close();
    void marker.close();
  }
}

async function publishMarker(link: Link, topic: string, nonce: string): Promise<void> {
  const ack: PublishAck | undefined = await link.publish(topic, nonce, { qos: 1 }).catch((error: unknown) => {
    // The connection ended: on a link that reconnects, the next `online` sends another marker.
    if (error instanceof LinkError && error.code === 'ack-timeout') return undefined;
    throw error;
  });
  if (ack?.noMatchingSubscribers !== true) return;
  throw new LinkError(
    'snapshot-incomplete',
    `the broker does not deliver the marker topic "${topic}" to this client`,
  );
}

/** The payload is a view of the socket's buffer, which would live as long as the snapshot. */
function copyOf(message: InboundMessage): InboundMessage {
  return Object.assign(Object.create(Object.getPrototypeOf(message) as object) as InboundMessage, message, {
    payload: Buffer.from(message.payload),
  });
}

/** Ends at once, or when nothing came for a while after the marker. */
class Settle {
  onSettled: () => void = ignore;
  readonly #quietMs: number;
  #timer: NodeJS.Timeout | undefined;
  #begun = false;

  constructor(quietMs: number) {
    this.#quietMs = quietMs;
  }

  begin(): void {
    this.#begun = true;
    if (this.#quietMs === 0) this.onSettled();
    else this.touch();
  }

  touch(): void {
    if (!this.#begun) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.onSettled(), this.#quietMs);
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }
}

function ignore(): void {}
