import type { Link } from '@shoal/mqtt-link';
import { sessionTopics, type SessionAddress } from '@shoal/protocol';
import { applyRecord, emptyView, isClosed, type SessionView } from '@shoal/workflow';
import { SessionNarrator } from '../core/session-events.ts';
import type { Context } from '../program/context.ts';
import { paintState } from '../output/style.ts';
import { printable } from '../output/printable.ts';
import type { SessionEvent } from '../shapes/sessions.ts';
import type { Collector } from './collect.ts';

/** Tells what happens in a session until it is closed, or the collector is done. Resolves with the last view. */
export async function followSession(
  context: Context,
  link: Link,
  address: SessionAddress,
  collector: Collector<SessionEvent>,
): Promise<SessionView> {
  let view = emptyView(address);
  const narrator = new SessionNarrator();
  context.atEnd(
    link.on('online', ({ reconnect }) => {
      // The retained records come again; what was told stays told.
      if (reconnect) view = emptyView(address);
    }),
  );
  const subscription = await link.subscribe(sessionTopics(address).all, ({ topic, payload }) => {
    const applied = applyRecord(view, topic, payload);
    if (!applied.applied && !('repair' in applied)) context.note(`warning: ${applied.reason}`);
    for (const event of narrator.look(view, new Date().toISOString()))
      collector.add(lineOf(event, context), event);
    if (isClosed(view)) collector.finish();
  });
  await collector.done;
  await subscription.close();
  return view;
}

function lineOf(event: SessionEvent, { style }: Context): string {
  const { at, kind, stepId, state, attempt, message } = event;
  const word = state === null ? '' : paintState(style, state)(state.padEnd(14));
  const nth = attempt === null || attempt < 2 ? '' : ` (attempt ${attempt})`;
  return `${style.dim(at.slice(11, 23))}  ${printable(stepId ?? kind).padEnd(16)} ${word} ${printable(message)}${nth}`.trimEnd();
}
