import { LinkError } from '../core/link-error.ts';
import type { Link } from '../link.ts';

/** What a wait on one connection is raced with. */
export interface Loss {
  /** Rejects with LinkError `connection-lost`, `fenced` or `closed`, or with the reason of the signal. */
  readonly lost: Promise<never>;
  stop(): void;
}

export function lossOf(link: Link, signal?: AbortSignal): Loss {
  let fail: (error: Error) => void = () => undefined;
  const lost = new Promise<never>((_, reject) => (fail = reject));
  lost.catch(() => undefined);
  const stops = (['offline', 'fenced', 'closed'] as const).map((event) =>
    link.on(event, () =>
      fail(new LinkError(event === 'offline' ? 'connection-lost' : event, `the link is ${event}`)),
    ),
  );
  const onAbort = (): void => fail(signal?.reason as Error);
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted === true) onAbort();
  return {
    lost,
    stop() {
      for (const stop of stops) stop();
      signal?.removeEventListener('abort', onAbort);
    },
  };
}
