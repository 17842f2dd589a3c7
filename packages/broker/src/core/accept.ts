import type { Context } from './context.ts';
import { isExpired, ownMessage, type Message } from './message.ts';
import { route } from './routing.ts';

/** Puts a message in the retained store, or takes away what is there when the payload is empty (MQTT 5 §3.3.1.3). */
export function storeRetained(cx: Context, message: Message): void {
  if (!cx.switches.retainer) return;
  if (message.payload.length === 0) {
    // Recorded also when nothing is there: an earlier deletion may not be on disk yet.
    cx.retained.delete(message.topic);
    cx.journal.retained(message.topic, undefined);
    return;
  }
  cx.retained.set(message);
  cx.journal.retained(message.topic, message);
}

/** False when the message is to be retained and the limits leave no room for it. Each call counts for the rate. */
export function mayRetain(cx: Context, message: Message): boolean {
  if (!message.retain) return true;
  if (cx.retainRate?.tryTake(cx.now) === false) return false;
  if (message.payload.length === 0) return true;
  const { retained, limits } = cx;
  if (message.payload.length > limits.maxRetainedPayloadBytes) return false;
  const replaced = retained.get(message.topic);
  if (replaced === undefined && retained.count >= limits.maxRetainedMessages) return false;
  const grows = message.payload.length - (replaced?.payload.length ?? 0);
  return grows <= 0 || retained.bytes + grows <= limits.maxRetainedBytes;
}

/** Takes a message that passed every check. Returns how many sessions it went to. */
export function accept(cx: Context, message: Message, mayBeKept: boolean): number {
  if (!message.retain) return route(cx, message);
  const own = ownMessage(message);
  if (mayBeKept) storeRetained(cx, own);
  else {
    cx.events.log(
      'warn',
      'the limits for retained messages leave no room: a message was routed and not stored',
      {
        topic: message.topic,
      },
    );
  }
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
