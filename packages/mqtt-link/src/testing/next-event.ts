import type { Link, LinkEvents } from '../link.ts';

/** The first argument of the next event of a link; for tests, which wait for events and never sleep. */
export function nextEvent<E extends keyof LinkEvents>(
  link: Link,
  event: E,
): Promise<Parameters<LinkEvents[E]>[0]> {
  return new Promise((resolve) => {
    const stop = link.on(event, ((info: Parameters<LinkEvents[E]>[0]) => {
      stop();
      resolve(info);
    }) as LinkEvents[E]);
  });
}
