import { isIdentifier } from '@shoal/protocol';

import type { ClientIdentity } from './session.ts';

/**
 * Response Information (MQTT 5 §3.1.2.11.6): where a client may expect replies. An agent's is its reply topic, `suffix` left to it (profile:
 * Client Session); another client gets none.
 */
export function agentReplyTopic({ clientId }: ClientIdentity): string | undefined {
  const parts = clientId.split('/');
  return parts.length === 3 && parts.every(isIdentifier) ? `$a2a/v1/reply/${clientId}` : undefined;
}
