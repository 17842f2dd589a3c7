import { randomUUID } from 'node:crypto';
import type { Link } from '@shoal/mqtt-link';
import { eventTopic, type AgentAddress } from '@shoal/protocol';

/**
 * Does this broker deliver on `$share/…/$a2a/…`? Mosquitto 2.0.11 grants such a subscription and delivers nothing (DESIGN rule 20), so
 * it is tried, on an event topic of our own.
 */
export async function canShare(link: Link, address: AgentAddress, timeoutMs = 1_000): Promise<boolean> {
  if (link.broker?.sharedSubscriptionAvailable === false) return false;
  const topic = eventTopic(address);
  const nonce = randomUUID();
  let seen: (delivered: boolean) => void = () => undefined;
  const delivered = new Promise<boolean>((resolve) => (seen = resolve));
  const timer = setTimeout(() => seen(false), timeoutMs);
  try {
    const subscription = await link.subscribe(`$share/${nonce}/${topic}`, (message) => {
      if (message.text() === nonce) seen(true);
    });
    const { noMatchingSubscribers } = await link.publish(topic, nonce);
    if (noMatchingSubscribers) seen(false);
    const answer = await delivered;
    await subscription.close();
    return answer;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
