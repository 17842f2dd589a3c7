import { pbkdf2Sync, randomBytes } from 'node:crypto';
import type { AccessGrant } from '@shoal/protocol';
import { MCP_CLIENT_ID, type Principal } from './principals.ts';

/** `acl.conf` of EMQX 5 and later: Erlang terms, the first that fits decides. */
export function emqxAcl(principals: readonly Principal[]): string {
  const rules = principals.flatMap(({ user, grants }) => {
    const groups = new Map<string, string[]>();
    for (const grant of grants) {
      const action = actionOf(grant);
      const topic = JSON.stringify(grant.filter.replaceAll(MCP_CLIENT_ID, '${clientid}'));
      groups.set(action, [...(groups.get(action) ?? []), topic]);
    }
    return [...groups].map(([action, topics]) => {
      const list = topics.map((topic) => `\n  ${topic}`).join(',');
      return `{allow, {user, ${JSON.stringify(user)}}, ${action}, [${list}\n]}.`;
    });
  });
  return `%% Access rules of Shoal for EMQX: authorization source "file", with no_match = deny.\n${rules.join('\n')}\n{deny, all}.\n`;
}

function actionOf({ action, retain }: AccessGrant): string {
  return action === 'publish' && retain !== undefined ? `{publish, [{retain, ${retain}}]}` : action;
}

const ITERATIONS = 4096;

/**
 * Bootstrap file of EMQX's built-in database. In the authenticator: `password_hash_algorithm { name = pbkdf2, mac_fun = sha256,
 * iterations = 4096 }`, `bootstrap_type = hash`.
 */
export function emqxUsers(credentials: Readonly<Record<string, string>>): string {
  const rows = Object.entries(credentials).map(([user, password]) => {
    const salt = randomBytes(16).toString('hex');
    const hash = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256').toString('hex');
    return `${user},${hash},${salt},false`;
  });
  return `${['user_id,password_hash,salt,is_superuser', ...rows].join('\n')}\n`;
}
