import { a2aPolicy } from '../../core/authorization/a2a-policy.ts';
import { createPolicy } from '../../core/authorization/policy.ts';
import type { Authorize } from '../../core/context.ts';
import { BrokerError } from '../broker-error.ts';
import type { BrokerOptions } from '../broker-options.ts';

/** With `authenticate` and nothing else said, agents may do what agents do. */
export function authorizeOf({ authenticate, authorize }: BrokerOptions): Authorize | undefined {
  if (authorize !== undefined || authenticate === undefined) return authorize;
  return createPolicy(a2aPolicy('unit'));
}

/** Throws BrokerError `invalid-options`. */
export function assertSomebodyMayConnect({ authenticate, allowAnonymous }: BrokerOptions): void {
  if (authenticate !== undefined || allowAnonymous === true) return;
  throw new BrokerError(
    'invalid-options',
    'authenticate: nobody could connect: set it, or set allowAnonymous to true to let everyone in',
  );
}

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host.startsWith('127.');
