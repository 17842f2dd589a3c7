import type { Context } from '../context.ts';
import { isExpired } from '../message.ts';
import { route } from '../routing.ts';
import type { Connection } from '../session.ts';
import { discoveryTopicOf } from './discovery-topic.ts';

/**
 * Tells live subscribers when the status of an agent is no longer what they were last told: its card is delivered again with the
 * new status. A will or a card that said it already leaves nothing to push, so that each change is told once.
 */
export function announcePresence(cx: Context, { session, mount }: Connection): void {
  const { registry } = cx;
  if (registry === undefined || !registry.pushesPresence) return;
  const message = cx.retained.get(discoveryTopicOf(session.clientId, mount));
  if (message?.card === undefined || isExpired(message, cx.now)) return;
  const status = registry.status(message);
  if (status === message.card.announced) return;
  message.card.announced = status;
  route(cx, message);
}
