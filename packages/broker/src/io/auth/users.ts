import { BrokerError } from '../broker-error.ts';
import type { Authenticate } from './door.ts';
import { hashPassword, isPasswordHash, verifyPassword } from './password.ts';

export interface User {
  readonly username: string;
  /** As `hashPassword` makes it. */
  readonly passwordHash: string;
  /**
   * Client ids that this user may take; one that ends in `*` allows all with that beginning. Default: any that is not in the hands of
   * another user.
   */
  readonly clientIds?: readonly string[];
  /** Puts the user below `{namespace}/`. Default: none. */
  readonly namespace?: string;
}

/** Lets in who knows the password of a user. Throws BrokerError `invalid-options`. */
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
  return async ({ username, password }) => {
    const user = username === undefined ? undefined : byName.get(username);
    // An unknown user costs as much time as a known one.
    const right = await verifyPassword(password ?? Buffer.alloc(0), user?.passwordHash ?? (await nobody));
    if (!right || user === undefined) return false;
    const { clientIds, namespace } = user;
    return {
      username: user.username,
      ...(clientIds === undefined ? {} : { clientIds }),
      ...(namespace === undefined ? {} : { namespace }),
    };
  };
}

/** The first that knows the credential decides. One that rejects is an outage: nobody behind it is asked. */
export function authenticateAny(ways: readonly Authenticate[]): Authenticate {
  return async (request) => {
    for (const way of ways) {
      const found = await way(request);
      if (found !== false) return found;
    }
    return false;
  };
}
