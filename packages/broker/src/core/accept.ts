import type { Context } from './context.ts';
import { isExpired, ownMessage, type Message } from './message.ts';
import { route } from './routing.ts';

/** Puts a message in the retained store, or takes away what is there when the payload is empty (MQTT 5 §3.3.1.3). */
function retain(cx: Context, message: Message): void {
  if (message.payload.length === 0) {
    if (cx.retained.delete(message.topic)) cx.journal.retained(message.topic, undefined);
    return;
  }
  if (cx.retained.get(message.topic) === undefined && cx.retained.count >= cx.limits.maxRetainedMessages) {
    cx.events.log('warn', 'too many retained messages: one was routed and not stored', {
      topic: message.topic,
    });
    return;
  }
  cx.retained.set(message);
  cx.journal.retained(message.topic, message);
}

/** True when a retained message can still be stored under this topic. */
export const canRetain = (cx: Context, message: Message): boolean =>
  !message.retain ||
  message.payload.length === 0 ||
  cx.retained.count < cx.limits.maxRetainedMessages ||
  cx.retained.get(message.topic) !== undefined;

/** Takes a message that passed every check. Returns how many sessions it went to. */
export function accept(cx: Context, message: Message): number {
  if (!message.retain) return route(cx, message);
  const own = ownMessage(message);
  retain(cx, own);
  if (own.card !== undefined) own.card.announced = cx.registry?.status(own);
  return route(cx, own);
}

/** Takes retained messages away whose time has come. */
export function sweepRetained(cx: Context): void {
  const expired = [...cx.retained.all()].filter((message) => isExpired(message, cx.now));
  for (const message of expired) {
    cx.retained.delete(message.topic);
    cx.journal.retained(message.topic, undefined);
  }
}
