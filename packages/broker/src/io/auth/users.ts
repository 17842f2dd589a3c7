import { BrokerError } from '../broker-error.ts';
import type { Authenticate } from '../server.ts';
import { hashPassword, isPasswordHash, verifyPassword } from './password.ts';

export interface User {
  readonly username: string;
  /** As `hashPassword` makes it. */
  readonly passwordHash: string;
  /** Client ids that this user may take; one that ends in `*` allows all with that beginning. Default: any. */
  readonly clientIds?: readonly string[];
}

const mayUse = (user: User, clientId: string): boolean =>
  user.clientIds === undefined ||
  user.clientIds.some((id) => (id.endsWith('*') ? clientId.startsWith(id.slice(0, -1)) : clientId === id));

/** Lets in who knows the password of a user and takes a client id of that user. Throws BrokerError `invalid-options`. */
export function authenticateUsers(users: readonly User[]): Authenticate {
  for (const { username, passwordHash } of users) {
    if (isPasswordHash(passwordHash)) continue;
    throw new BrokerError(
      'invalid-options',
      `users: passwordHash of ${JSON.stringify(username)} is not a scrypt hash`,
    );
  }
  const byName = new Map(users.map((user) => [user.username, user]));
  const nobody = hashPassword('');
  return async ({ username, password, clientId }) => {
    const user = username === undefined ? undefined : byName.get(username);
    // An unknown user costs as much time as a known one.
    const right = await verifyPassword(password ?? Buffer.alloc(0), user?.passwordHash ?? (await nobody));
    return right && user !== undefined && mayUse(user, clientId);
  };
}
