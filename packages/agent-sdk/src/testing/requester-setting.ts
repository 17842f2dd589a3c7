import { openLink, type Link, type LinkOptions } from '@shoal/mqtt-link';
import { clientIdOf } from '@shoal/protocol';
import type { Requester, RequesterOptions } from '../io/requester-types.ts';
import { createRequester } from '../io/requester.ts';
import type { ContractSetting } from './contract-case.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeResponder } from './fake-responder.ts';

export interface Pair {
  readonly requester: Requester;
  readonly responder: FakeResponder;
  readonly clock: FakeClock;
  /** The requester's. */
  readonly link: Link;
  readonly problems: string[];
}

/** A requester on a clock that stands still, and a responder that says what a test tells it to. */
export async function setUpRequester(
  setting: ContractSetting,
  options: Partial<RequesterOptions> = {},
  connect: Partial<LinkOptions> = {},
): Promise<Pair> {
  const responder = await FakeResponder.open(setting.url, setting.address('silent'));
  const address = setting.address('requester');
  const link = await openLink({ url: setting.url, clientId: clientIdOf(address), ...connect });
  const clock = new FakeClock();
  const problems: string[] = [];
  const onProtocolError = ({ reason }: { reason: string }): void => void problems.push(reason);
  const requester = createRequester({ link, address, clock, random: () => 0.5, onProtocolError, ...options });
  setting.onEnd(async () => {
    await requester.close();
    await responder.close();
    await link.close();
  });
  return { requester, responder, clock, link, problems };
}

/** Waits for the requester's link to have seen its acknowledgement or reply; each round is a trip of the event loop. */
export async function settled(condition: () => boolean): Promise<void> {
  const giveUp = Date.now() + 8_000;
  while (!condition()) {
    if (Date.now() > giveUp) throw new Error('the condition did not come true within 8 s');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The ids that an update carries. */
export function updateOf(taskId: string | undefined) {
  return { taskId, contextId: 'c' };
}
