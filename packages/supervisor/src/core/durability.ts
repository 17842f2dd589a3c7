import type { BrokerCanary } from '@shoal/protocol';

export type Durability = BrokerCanary['state'];

/** What the broker says of itself on its `$SYS` topics, if it says anything. */
export interface BrokerSigns {
  /** Of this start: an id, or `up:` and the time of the start in milliseconds. */
  readonly bootId?: string;
  /** The embedded broker: `none`, or what its retained messages survive. */
  readonly declared?: string;
}

/** Two readings of one start differ by the interval in which the broker tells its uptime. */
const SAME_START_MS = 60_000;

/**
 * Does the broker keep retained messages over a restart? It may say so; it was seen to lose some; or the canary was written before the
 * present start and is still there. Otherwise what was known before stands.
 */
export function judgeDurability(
  canary: BrokerCanary | undefined,
  signs: BrokerSigns,
  sawLoss: boolean,
): Durability {
  if (signs.declared !== undefined) return signs.declared === 'none' ? 'lossy' : 'durable';
  if (sawLoss) return 'lossy';
  if (canary === undefined) return 'unproven';
  return isOtherStart(canary.bootId, signs.bootId) ? 'durable' : canary.state;
}

function isOtherStart(then: string | undefined, now: string | undefined): boolean {
  if (then === undefined || now === undefined) return false;
  const [a, b] = [then, now].map((id) => (id.startsWith('up:') ? Number(id.slice(3)) : Number.NaN));
  if (a === undefined || b === undefined || Number.isNaN(a) || Number.isNaN(b)) return then !== now;
  return Math.abs(a - b) > SAME_START_MS;
}
