import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { MCP_CLIENT_ID, type Principal } from './principals.ts';

/**
 * `acl_file` of Mosquitto. It knows neither the retain flag nor client ids of a user, so a rule that asks for either is wider here; topics
 * that hold the client id are patterns, which it applies to every user.
 */
export function mosquittoAcl(principals: readonly Principal[]): string {
  const patterns = new Set<string>();
  const sections = principals.map(({ user, grants }) => {
    const words = new Map<string, Set<string>>();
    for (const { action, filter } of grants) {
      const word = action === 'publish' ? 'write' : 'read';
      // A pattern counts for every user: only where nothing but the client id tells whose topic it is.
      if (filter.endsWith(MCP_CLIENT_ID))
        patterns.add(`pattern ${word} ${filter.replaceAll(MCP_CLIENT_ID, '%c')}`);
      else {
        const topic = filter.replaceAll(MCP_CLIENT_ID, '+');
        words.set(topic, (words.get(topic) ?? new Set()).add(word));
      }
    }
    const rules = [...words].map(
      ([filter, set]) => `topic ${set.size === 2 ? 'readwrite' : [...set][0]} ${filter}`,
    );
    return [`user ${user}`, ...rules].join('\n');
  });
  const head = '# Access rules of Shoal for Mosquitto: acl_file. Who is not named may do nothing.';
  return `${[head, ...sections, [...patterns].join('\n')].filter((part) => part !== '').join('\n\n')}\n`;
}

const ITERATIONS = 101;
const KEY_BYTES = 64;

/** A line of `password_file`, as mosquitto_passwd of Mosquitto 2 writes it: PBKDF2 with SHA-512. */
export function mosquittoPassword(user: string, password: string, salt: Buffer = randomBytes(12)): string {
  const hash = pbkdf2Sync(password, salt, ITERATIONS, KEY_BYTES, 'sha512');
  return `${user}:$7$${ITERATIONS}$${salt.toString('base64')}$${hash.toString('base64')}`;
}

/** What has to stand in mosquitto.conf; paths are those that the files were written to. */
export function mosquittoConf(folder: string): string {
  return `# Include it in mosquitto.conf, and open a listener with TLS beside it. The user that Mosquitto runs as must own passwd.
per_listener_settings false
allow_anonymous false
password_file ${folder}/passwd
acl_file ${folder}/acl
`;
}
