import type { Needs } from '../core/placement.ts';
import type { Spawner } from '../types.ts';

/** Free room of a spawner for such needs. One that does not say is one place without labels, where everything weighs 1. */
export function roomOf(spawner: Spawner, needs: Needs): number | 'nowhere' {
  if (spawner.room !== undefined) return spawner.room(needs);
  if (Object.keys(needs.labels ?? {}).length > 0) return 'nowhere';
  return Math.max(0, spawner.capacity - spawner.running) * (needs.weight ?? 1);
}
