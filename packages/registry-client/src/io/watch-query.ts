import { clientIdOf } from '@shoal/protocol';
import type { RegisteredAgent } from '../core/registered-agent.ts';
import type { Listeners } from './listeners.ts';

/** `entered`: it matches from now on. `changed`: it still does. `left`: it does not any more, or is unregistered. */
export type WatchListener = (event: {
  readonly kind: 'entered' | 'changed' | 'left';
  readonly agent: RegisteredAgent;
}) => void;

/** Follows the agents that match, beginning with those that do now. Returns what ends it. */
export function watchQuery(
  now: readonly RegisteredAgent[],
  matches: (agent: RegisteredAgent) => boolean,
  listeners: Listeners,
  listener: WatchListener,
): () => void {
  const inside = new Set<string>();
  for (const agent of now) {
    inside.add(clientIdOf(agent.address));
    listener({ kind: 'entered', agent });
  }
  return listeners.onAny((change) => {
    if (change.kind === 'invalid') return;
    const { agent, kind } = change;
    const key = clientIdOf(agent.address);
    const isInside = kind !== 'unregistered' && matches(agent);
    const wasInside = inside.has(key);
    if (isInside) inside.add(key);
    else inside.delete(key);
    if (isInside) listener({ kind: wasInside ? 'changed' : 'entered', agent });
    else if (wasInside) listener({ kind: 'left', agent });
  });
}
