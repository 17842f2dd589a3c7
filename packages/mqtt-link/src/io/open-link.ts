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
    const stopListening = (): void => signal?.removeEventListener('abort', onAbort);
    link.on('fenced', () => {
      stopListening();
      reject(new LinkError('fenced', 'the link was fenced before it was online'));
    });
    link.on('closed', () => {
      stopListening();
      reject(new LinkError('closed', 'the link ended before it was online'));
    });
    const onOnline = (): void => {
      stopListening();
      resolve(link);
    };
    void link.run(onOnline, reject);
  });
}
