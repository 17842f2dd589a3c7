import { USER_PROPERTIES, userPropertyValues, type UserProperties } from './user-properties.ts';

export interface Presence {
  /** `unregistered`: the retained card was deleted. `unknown`: a card that says nothing of its agent's state. */
  readonly status: 'online' | 'offline' | 'unknown' | 'unregistered';
  /** As received, except that EMQX's `emqx` reads `broker`; `agent` when absent. An open set: `host-fallback` was seen. */
  readonly source: string;
  /** What the source counts as; an unknown one counts as the agent itself. */
  readonly authority: 'agent' | 'lwt' | 'broker';
}

/**
 * Reads presence off a discovery message. Advisory: suspect, probe, then act (profile: Presence Subscriber).
 *
 * A repeated `a2a-status` is decided for the broker's when a source says `broker`, and for the first otherwise: brokers put theirs
 * in front. A zero-byte payload unregisters, whatever its properties say: some publish it as their will.
 */
export function readPresence(properties: UserProperties | undefined, payloadLength: number): Presence {
  const statuses = userPropertyValues(properties, USER_PROPERTIES.status);
  const sources = userPropertyValues(properties, USER_PROPERTIES.statusSource).map((s) =>
    s === 'emqx' ? 'broker' : s,
  );
  const fromBroker = sources.indexOf('broker');
  const at = fromBroker === -1 || fromBroker >= statuses.length ? 0 : fromBroker;
  const source = (fromBroker === -1 ? sources[0] : 'broker') ?? 'agent';
  const status = payloadLength === 0 ? 'unregistered' : toStatus(statuses[at]);
  return { status, source, authority: source === 'broker' || source === 'lwt' ? source : 'agent' };
}

function toStatus(value: string | undefined): Presence['status'] {
  return value === 'online' || value === 'offline' ? value : 'unknown';
}
