import type { RequestOptions } from '@a2a-js/sdk/client';
import type { CallOptions } from '@shoal/agent-sdk';

/** Service parameters travel as user properties (reference A20): names in lower case, values as they are. */
export function toCallOptions(options: RequestOptions | undefined, tenant: string): CallOptions {
  const { signal, serviceParameters = {} } = options ?? {};
  const userProperties = Object.fromEntries(
    Object.entries(serviceParameters).map(([name, value]) => [propertyName(name), value]),
  );
  return {
    userProperties,
    ...(tenant === '' ? {} : { tenant }),
    ...(signal === undefined ? {} : { signal }),
  };
}

/** Every property of the binding begins with `a2a-` (profile: Naming 2). */
function propertyName(parameter: string): string {
  const name = parameter.toLowerCase();
  return name.startsWith('a2a-') ? name : `a2a-${name}`;
}

/** A number of messages that is more than any task has: what leaving the number out means in A2A. */
export const ALL_HISTORY = 0x7fff_ffff;
