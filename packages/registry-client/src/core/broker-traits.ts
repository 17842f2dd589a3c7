import type { UserProperties } from '@shoal/protocol';
import { USER_PROPERTIES, userPropertyValues } from '@shoal/protocol';

/** What a broker tells about itself in `$SYS/broker/`; many tell nothing, or not to everyone. */
export interface BrokerTraits {
  readonly software: 'shoal' | 'mosquitto' | 'unknown';
  /** Another one: the broker was restarted. */
  readonly bootId?: string;
}

export function readTraits(sys: ReadonlyMap<string, string>): BrokerTraits {
  const bootId = sys.get('$SYS/broker/boot-id');
  if (bootId !== undefined) return { software: 'shoal', bootId };
  const version = sys.get('$SYS/broker/version') ?? '';
  return { software: /mosquitto/i.test(version) ? 'mosquitto' : 'unknown' };
}

/** The snapshot of retained messages of these ends with its marker; others may send them from another process. */
export function keepsOrder({ software }: BrokerTraits): boolean {
  return software !== 'unknown';
}

/**
 * Where a card's status comes from. `computed`: EMQX works it out when it delivers a card, overrides what agents say, and tells nobody when
 * it changes. `broker`: a broker that manages it and says so. `agent`: what was published, by the agent or by its Will.
 */
export type StatusOrigin = 'computed' | 'broker' | 'agent';

export function statusOrigin(properties: UserProperties): StatusOrigin {
  const sources = userPropertyValues(properties, USER_PROPERTIES.statusSource);
  if (sources.includes('emqx')) return 'computed';
  if (sources.includes('broker')) return 'broker';
  // EMQX 6.2.0 puts its status in front of the agent's and names no source.
  return userPropertyValues(properties, USER_PROPERTIES.status).length > 1 ? 'computed' : 'agent';
}

/**
 * How changes of presence come to be known: `pushed` by the broker, told by `wills` and goodbyes, or `polled`: nobody tells, so cards are
 * read again and again.
 */
export type PresenceFeed = 'pushed' | 'wills' | 'polled';

export function presenceFeed(traits: BrokerTraits, origins: ReadonlySet<StatusOrigin>): PresenceFeed {
  if (origins.has('computed')) return 'polled';
  // That a broker manages the status does not mean that it pushes it; ours does.
  if (origins.has('broker')) return traits.software === 'shoal' ? 'pushed' : 'polled';
  return traits.software === 'shoal' ? 'pushed' : 'wills';
}
