/** Of each signal one listener: an AbortSignal looks through all that it has whenever one is added. */
const listening = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls `listener` when `signal` aborts, for a signal that very many listen to. Returns what stops that. */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const listeners = listening.get(signal) ?? listenTo(signal);
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const listeners = new Set<() => void>();
  listening.set(signal, listeners);
  signal.addEventListener('abort', () => {
    for (const listener of listeners) listener();
  });
  return listeners;
}
