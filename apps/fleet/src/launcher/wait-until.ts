/** Resolves true as soon as `holds` is true, false after `timeoutMs` or when the signal aborts. `changed` tells when to look again. */
export async function waitUntil(
  holds: () => boolean,
  changed: (listener: () => void) => () => void,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  if (holds()) return true;
  return new Promise((resolve) => {
    const finish = (result: boolean): void => {
      clearTimeout(timer);
      unlisten();
      signal?.removeEventListener('abort', aborted);
      resolve(result);
    };
    const aborted = (): void => finish(false);
    const timer = setTimeout(() => finish(holds()), timeoutMs);
    const unlisten = changed(() => {
      if (holds()) finish(true);
    });
    if (signal?.aborted === true) aborted();
    else signal?.addEventListener('abort', aborted);
  });
}
