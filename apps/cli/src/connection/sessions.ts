import { readRetained, type Link } from '@shoal/mqtt-link';
import { parseShoalTopic, treeFilter } from '@shoal/protocol';
import { applyRecord, emptyView, type SessionView } from '@shoal/workflow';
import { CliError, usageError } from '../errors.ts';
import type { Context } from '../program/context.ts';

/** For an EMQX that paces what it keeps: see `readRetained`. */
export const SETTLE_MS = 150;

export interface FoundSessions {
  readonly views: readonly SessionView[];
  readonly unreadable: readonly string[];
}

/** All sessions of the unit, the organisation or everywhere, as the settings say. */
export async function readSessions(context: Context, link: Link): Promise<FoundSessions> {
  const { org, unit } = context.settings;
  const where = { ...(org === undefined ? {} : { org }), ...(unit === undefined ? {} : { unit }) };
  return fold(
    await context.waiting('reading the sessions', read(context, link, treeFilter('session', where))),
  );
}

type Records = Awaited<ReturnType<typeof readRetained>>;

function read(context: Context, link: Link, filter: string): Promise<Records> {
  return readRetained(link, filter, {
    settleMs: SETTLE_MS,
    timeoutMs: context.settings.timeoutMs,
    signal: context.signal,
  });
}

function fold(records: Records): FoundSessions {
  const views = new Map<string, SessionView>();
  const unreadable: string[] = [];
  for (const [topic, { payload }] of records) {
    const at = parseShoalTopic(topic);
    if (at === undefined || !('sessionId' in at)) continue;
    const { org, unit, sessionId } = at;
    const key = `${org}/${unit}/${sessionId}`;
    const view = views.get(key) ?? emptyView({ org, unit, sessionId });
    views.set(key, view);
    const applied = applyRecord(view, topic, payload);
    if (!applied.applied && !('repair' in applied)) unreadable.push(`${topic}: ${applied.reason}`);
  }
  return { views: [...views.values()], unreadable };
}

/**
 * The one session that is meant, by its id or the beginning of it (four characters at least). Throws CliError `not-found`, or `usage` when
 * several begin like that.
 */
export async function findSession(context: Context, link: Link, text: string): Promise<SessionView> {
  if (!/^[A-Za-z0-9_.-]{4,}$/.test(text))
    throw usageError(
      `"${text}" is no session: give its id, or at least four characters of it`,
      'invalid-session',
    );
  const { views } = await readSessions(context, link);
  const found = views.filter(({ sessionId, session }) => session !== undefined && sessionId.startsWith(text));
  const exact = found.filter(({ sessionId }) => sessionId === text);
  const [only] = exact.length > 0 ? exact : found;
  if (only !== undefined && (exact.length === 1 || found.length === 1)) return only;
  if (only === undefined) throw new CliError('not-found', `no session "${text}"`, { code: 'no-session' });
  const names = found.map(({ org, unit, sessionId }) => `${org}/${unit}/${sessionId}`).join(', ');
  throw usageError(`"${text}" is ambiguous: ${names}`, 'ambiguous-session');
}
