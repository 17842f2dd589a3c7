import { LinkError } from '../core/link-error.ts';
import type { Link, LinkOptions } from '../link.ts';
import { MqttLink } from './mqtt-link.ts';

/**
 * Opens a link and resolves when it is online. Rejects with LinkError `invalid-options`, `connect-refused` (with the reason code of
 * CONNACK), `connect-timeout`, `connect-failed`, `may-connect-failed`, `fenced` (mayConnect said no) or `aborted`. After that, the
 * link reconnects by itself until it is closed or fenced.
 */
export function openLink(options: LinkOptions): Promise<Link> {
  return new Promise((resolve, reject) => {
    const link = new MqttLink(options);
    const { signal } = options;
    const onAbort = (): void => {
      reject(new LinkError('aborted', 'gave up opening the link', { cause: signal?.reason }));
      link.destroy();
    };
    if (signal?.aborted === true) return onAbort();
    signal?.addEventListener('abort', onAbort);
    const listening = [
      link.on('fenced', () => refuse('fenced', 'the link was fenced before it was online')),
      link.on('closed', () => refuse('closed', 'the link ended before it was online')),
    ];
    const stopListening = (): void => {
      signal?.removeEventListener('abort', onAbort);
      for (const stop of listening) stop();
    };
    const refuse = (code: 'fenced' | 'closed', message: string): void => {
      stopListening();
      reject(new LinkError(code, message));
    };
    const onOnline = (): void => {
      stopListening();
      resolve(link);
    };
    void link.run(onOnline, reject);
  });
}
