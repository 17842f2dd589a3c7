import type { RegisteredAgent } from '../core/registered-agent.ts';
import { RegistryError } from '../registry-error.ts';

export interface WaitOptions {
  readonly signal?: AbortSignal;
  /** Default 30 000; 0 waits for ever. */
  readonly timeoutMs?: number;
}

const DEFAULT_WAIT_MS = 30_000;

/** Resolves with the first agent that `listen` offers and the predicate takes. Rejects with RegistryError. */
export function waitFor(
  listen: (check: (agent: RegisteredAgent) => void) => () => void,
  predicate: (agent: RegisteredAgent) => boolean,
  stopped: AbortSignal,
  options: WaitOptions,
): Promise<RegisteredAgent> {
  const { signal, timeoutMs = DEFAULT_WAIT_MS } = options;
  return new Promise((resolve, reject) => {
    const onAbort = (): void =>
      end(() => reject(new RegistryError('aborted', 'the wait was aborted', { cause: signal?.reason })));
    const onStop = (): void => end(() => reject(new RegistryError('stopped', 'the registry was stopped')));
    const onTimeout = (): void =>
      end(() => reject(new RegistryError('wait-timeout', `no such agent came within ${timeoutMs} ms`)));
    let stopListening: (() => void) | undefined;
    const timer = timeoutMs === 0 ? undefined : setTimeout(onTimeout, timeoutMs);
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      stopped.removeEventListener('abort', onStop);
      stopListening?.();
      settle();
    };
    if (signal?.aborted === true) return onAbort();
    if (stopped.aborted) return onStop();
    signal?.addEventListener('abort', onAbort);
    stopped.addEventListener('abort', onStop);
    stopListening = listen((agent) => {
      if (predicate(agent)) end(() => resolve(agent));
    });
    return undefined;
  });
}
