import type { AccessRule } from '@shoal/broker';
import type { AccessGrant } from '@shoal/protocol';
import { MCP_CLIENT_ID, type Principal } from './principals.ts';

/** `rules` of the embedded broker. */
export function shoalRules(principals: readonly Principal[]): readonly AccessRule[] {
  return principals.flatMap(({ user, grants }) => {
    const groups = new Map<string, { grant: AccessGrant; topics: string[] }>();
    for (const grant of grants) {
      const key = `${grant.action} ${String(grant.retain)}`;
      const group = groups.get(key) ?? { grant, topics: [] };
      group.topics.push(grant.filter.replaceAll(MCP_CLIENT_ID, '{clientId}'));
      groups.set(key, group);
    }
    return [...groups.values()].map(({ grant: { action, retain }, topics }): AccessRule => ({
      effect: 'allow',
      users: [user],
      action,
      topics,
      ...(retain === undefined ? {} : { retain }),
    }));
  });
}

/** The part of `shoal-broker --config` that says who may connect, and who may do what. */
export async function shoalConfig(
  principals: readonly Principal[],
  credentials: Readonly<Record<string, string>>,
): Promise<string> {
  const { hashPassword } = await import('@shoal/broker');
  const users = await Promise.all(
    principals.map(async ({ user, clientIds }) => ({
      username: user,
      passwordHash: await hashPassword(credentials[user] ?? ''),
      clientIds,
    })),
  );
  return `${JSON.stringify({ users, rules: shoalRules(principals) }, undefined, 2)}\n`;
}
