import { isLinkError } from '../core/link-error.ts';
import type { Link } from '../link.ts';

/**
 * Does this broker deliver to shared subscriptions of such a topic? Mosquitto 2.0.11 grants `$share/g/$a2a/…` and delivers nothing, so it
 * is tried. `topic` is one that nobody else uses and the client may publish and subscribe to. A broker that took the message for
 * somebody and is merely slow gets time: the answer is no only when it says so (0x10, a refusal), or when it has carried a later
 * message to an ordinary subscription and `timeoutMs` has passed (default 1 000). Rejects as `publish` and `subscribe` do.
 */
export async function canShare(link: Link, topic: string, timeoutMs = 1_000): Promise<boolean> {
  if (link.broker?.sharedSubscriptionAvailable === false) return false;
  const nonce = crypto.randomUUID();
  const shared = new Arrival();
  const ordinary = new Arrival();
  const note = (arrival: Arrival) => (message: { text(): string }) => {
    if (message.text() === nonce) arrival.came();
  };
  const subscription = await link
    .subscribe(`$share/${nonce}/${topic}`, note(shared))
    .catch((error: unknown) => {
      if (isLinkError(error, 'subscribe-refused')) return undefined;
      throw error;
    });
  if (subscription === undefined) return false;
  try {
    const { noMatchingSubscribers } = await link.publish(topic, nonce);
    if (noMatchingSubscribers) return false;
    if (await shared.within(timeoutMs)) return true;
    const control = await link.subscribe(topic, note(ordinary));
    try {
      await link.publish(topic, nonce);
      await ordinary.within(30_000);
      return await shared.within(timeoutMs);
    } finally {
      await control.close();
    }
  } finally {
    await subscription.close();
  }
}

class Arrival {
  came: () => void = () => undefined;
  readonly #arrived = new Promise<true>((resolve) => (this.came = () => resolve(true)));

  async within(timeoutMs: number): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), timeoutMs)));
    try {
      return await Promise.race([this.#arrived, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
