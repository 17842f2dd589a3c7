import { clientIdOf, readPresence, validateAgentCard } from '@shoal/protocol';
import { at } from '../src/core/reply.ts';
import { parse } from '../src/io/client.ts';
import type { Launch, Subject } from '../src/io/subject.ts';
import { Wire } from '../src/io/wire.ts';

/** A subscriber of discovery topics, in this process, that can be made wrong in one way. */
export function modelSubscriber(fault = ''): Launch {
  return ({ url = '', org = '', unit = '', agentId = '' }) => {
    let wire: Wire | undefined;
    let stdout = '';
    const known = new Set<string>();
    let resolveExit: (how: string) => void = () => undefined;
    const exited = new Promise<string>((resolve) => (resolveExit = resolve));
    const end = (how: string): void => {
      subject.ended ??= how;
      wire?.destroy();
      resolveExit(subject.ended);
    };
    const subject: Subject & { ended: string | undefined } = {
      ended: undefined,
      exited,
      kill: () => end('was killed'),
      stop: () => Promise.resolve(end('stopped')),
      output: () => ({ stdout, stderr: '' }),
    };
    const filter = fault === 'unscoped' ? '$a2a/v1/discovery/#' : `$a2a/v1/discovery/${org}/${unit}/+`;
    const listen = async (): Promise<void> => {
      wire = await Wire.open({ url, clientId: clientIdOf({ org, unit, agentId }) });
      await wire.subscribe(filter, ({ topic, payload, properties, retain }) => {
        const id = topic.split('/').at(-1) ?? '';
        if (fault === 'live-only' && retain) return;
        const card = parse(payload);
        if (payload.length > 0 && !validateAgentCard(card).ok) {
          if (fault === 'dies-of-cards') end('died of a card');
          return;
        }
        if (fault === 'first-card-only' && known.has(id)) return;
        known.add(id);
        const presence = readPresence(properties?.userProperties, payload.length);
        const isStrange = !['agent', 'lwt', 'broker'].includes(presence.source);
        const status =
          fault === 'always-online' || (fault === 'empty-ignored' && payload.length === 0)
            ? 'online'
            : fault === 'known-sources-only' && isStrange
              ? 'unknown'
              : presence.status;
        stdout += `${JSON.stringify({ agentId: id, status, name: at(card, 'name') })}\n`;
      });
    };
    listen().catch((error: unknown) => end(`failed: ${(error as Error).message}`));
    return subject;
  };
}

export const SUBSCRIBER_MUTANTS: Readonly<Record<string, readonly string[]>> = {
  unscoped: ['DS1.scope'],
  'live-only': ['DS2.current'],
  'first-card-only': ['DS3.replaced', 'V07.unregistered'],
  'always-online': ['V03.seen', 'V07.unregistered'],
  'empty-ignored': ['V07.unregistered'],
  'known-sources-only': ['V11.source'],
  'dies-of-cards': ['V14.malformed'],
};
