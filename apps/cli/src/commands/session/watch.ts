import { collect } from '../../connection/collect.ts';
import { followSession } from '../../connection/follow-session.ts';
import { findSession } from '../../connection/sessions.ts';
import { sessionRow } from '../../core/session-rows.ts';
import { implement } from '../../program/leaf.ts';
import type { SessionEvent, SessionWatch } from '../../shapes/sessions.ts';

export const watch = implement<SessionWatch>({
  async run(context, [id = ''], flags) {
    const collector = collect<SessionEvent>(context, flags);
    const link = await context.connect({ stays: true });
    const { org, unit, sessionId } = await findSession(context, link, id);
    const view = await followSession(context, link, { org, unit, sessionId }, collector);
    return { session: sessionRow(view) ?? null, events: [...collector.records], dropped: collector.dropped };
  },
  text: () => '',
  outcome({ session }) {
    const ended = session !== null && session.endedAt !== null;
    return ended && session.state !== 'completed' ? 'failed' : 'ok';
  },
});
