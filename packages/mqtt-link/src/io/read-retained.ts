import { Buffer } from '../core/bytes.ts';
import { isLinkError, LinkError } from '../core/link-error.ts';
import { assertTopicFilter } from '../core/topic.ts';
import type { InboundMessage, Link, Qos } from '../link.ts';
import { lossOf } from './loss.ts';
import { markerTopicOf, retainedArrived } from './retained-arrived.ts';

export interface ReadRetainedOptions {
  /**
   * Go on until this long after the last retained message. Default 0: markers alone end the snapshot, which is right for brokers that
   * answer one SUBSCRIBE after the other (Mosquitto, the embedded broker), and for EMQX 6.2 with `retainer.delivery_rate = infinity`. Give an
   * EMQX that paces what it keeps (1 000 a second is its default) some 400.
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
   * A topic beside which this client may publish and subscribe, one level deeper: markers are at `…/marker/{random}/0`. Default
   * `shoal/v1/{org}/{unit}/agent/{agentId}/marker/{qos}` for the client id `{org}/{unit}/{agentId}`.
   */
  readonly markerTopic?: string;
}

/**
 * The retained messages under a filter, by topic, as the broker held them when it took the SUBSCRIBE. Complete by order, not by
 * waiting: see `retainedArrived`. Messages published meanwhile are not in it. Starts again when the connection is replaced.
 * Snapshots of the same filter over one link are taken one after the other.
 * Rejects with LinkError `snapshot-incomplete` (no marker in time), `subscribe-refused`, `publish-refused`, `aborted`, `fenced`,
 * `closed`, or on a fenced link `not-connected`.
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
    const message = `no marker within ${timeoutMs} ms: the snapshot of "${filter}" may lack messages; may this client publish and subscribe beside "${options.markerTopic ?? markerTopicOf(link.clientId, options.qos ?? 0)}"?`;
    stop.abort(new LinkError('snapshot-incomplete', message));
  }, timeoutMs);
  const end = (code: 'fenced' | 'closed') => (): void =>
    stop.abort(new LinkError(code, `the link was ${code} during the snapshot of "${filter}"`));
  const stopListening = [link.on('fenced', end('fenced')), link.on('closed', end('closed'))];
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted === true) onAbort();
  try {
    await inTurn(link, filter, stop.signal, () => snapshot(link, filter, scan, options, stop.signal));
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    for (const stopOne of stopListening) stopOne();
    stop.abort();
  }
}

/** Snapshots of one filter over one link: a broker that is still at the first may take the second SUBSCRIBE for the same (EMQX). */
const running = new WeakMap<Link, Map<string, Promise<void>>>();

async function inTurn(
  link: Link,
  filter: string,
  signal: AbortSignal,
  run: () => Promise<void>,
): Promise<void> {
  const filters = running.get(link) ?? new Map<string, Promise<void>>();
  running.set(link, filters);
  const before = filters.get(filter) ?? Promise.resolve();
  const turn = unlessAborted(before, signal).then(run);
  // Whoever gives up waiting lets nobody past the one that it waited for.
  const settled = Promise.allSettled([before, turn]).then(ignore);
  filters.set(filter, settled);
  try {
    await turn;
  } finally {
    if (filters.get(filter) === settled) filters.delete(filter);
  }
}

/** Again from the start for as long as connections are lost and come back. */
async function snapshot(
  link: Link,
  filter: string,
  scan: RetainedScan,
  options: ReadRetainedOptions,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const isComplete = await inOneConnection(link, filter, scan, options, signal).catch((error: unknown) => {
      if (isLinkError(error, 'connection-lost')) return false;
      throw error;
    });
    if (isComplete) return;
    scan.onRestart?.();
    await online(link, signal);
  }
}

async function inOneConnection(
  link: Link,
  filter: string,
  scan: RetainedScan,
  { qos = 0, retainAsPublished = false, settleMs = 0, markerTopic }: ReadRetainedOptions,
  signal: AbortSignal,
): Promise<true> {
  let seen = 0;
  let closed = false;
  const settle = new Settle(settleMs);
  const loss = lossOf(link, signal);
  const subscribing = link.subscribe(
    filter,
    (message) => {
      if (!message.retain || closed) return;
      seen += 1;
      scan.onMessage(message);
      settle.touch();
    },
    { qos, retainAsPublished },
  );
  try {
    await Promise.race([subscribing, loss.lost]);
    const marker = markerTopic === undefined ? {} : { markerTopic };
    await retainedArrived(link, { seen: () => seen, qos, ...marker, signal });
    await Promise.race([settle.begin(), loss.lost]);
    return true;
  } finally {
    closed = true;
    loss.stop();
    settle.cancel();
    void subscribing.then((subscription) => subscription.close()).catch(ignore);
  }
}

/** The payload is a view of the socket's buffer, which would live as long as the snapshot. */
function copyOf(message: InboundMessage): InboundMessage {
  return Object.assign(Object.create(Object.getPrototypeOf(message) as object) as InboundMessage, message, {
    payload: Buffer.from(message.payload),
  });
}

async function online(link: Link, signal: AbortSignal): Promise<void> {
  if (link.state === 'online') return;
  let stopListening: () => void = ignore;
  const isOnline = new Promise<void>((resolve) => (stopListening = link.on('online', () => resolve())));
  try {
    await unlessAborted(isOnline, signal);
  } finally {
    stopListening();
  }
}

async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let onAbort: () => void = ignore;
  const aborted = new Promise<never>((_, reject) => (onAbort = () => reject(signal.reason as Error)));
  signal.addEventListener('abort', onAbort);
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Ends at once, or when nothing came for a while. */
class Settle {
  readonly #quietMs: number;
  #timer: NodeJS.Timeout | undefined;
  #onSettled: (() => void) | undefined;

  constructor(quietMs: number) {
    this.#quietMs = quietMs;
  }

  begin(): Promise<void> {
    if (this.#quietMs === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onSettled = resolve;
      this.touch();
    });
  }

  touch(): void {
    if (this.#onSettled === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onSettled, this.#quietMs);
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }
}

function ignore(): void {}
