import { randomUUID } from 'node:crypto';
import {
  createReplyRouter,
  isLinkError,
  type Link,
  type ReplyRouter,
  type UserProperties,
} from '@shoal/mqtt-link';
import { replyTopic, requestTopic, type AgentAddress } from '@shoal/protocol';
import { ATTEMPT_PROPERTY } from '@shoal/workflow';

export interface ProberOptions {
  readonly link: Link;
  readonly address: AgentAddress;
  readonly timeoutMs: number;
}

/** `alive` with the attempt that answered (agents have none), `silent`, or `unsure`: then our own connection is at fault. */
export type ProbeAnswer =
  | { readonly is: 'alive'; readonly attempt?: number }
  | { readonly is: 'silent' | 'unsure' };

/** The profile's liveness check: GetTask for an id that nobody knows. Whoever answers anything lives. */
export class Prober {
  readonly #router: ReplyRouter;
  readonly #timeoutMs: number;

  constructor({ link, address, timeoutMs }: ProberOptions) {
    this.#timeoutMs = timeoutMs;
    this.#router = createReplyRouter(link, { replyTopic: replyTopic(address, `probe-${randomUUID()}`) });
  }

  async probe(target: AgentAddress): Promise<ProbeAnswer> {
    const id = randomUUID();
    const payload = JSON.stringify({ jsonrpc: '2.0', id, method: 'GetTask', params: { id } });
    let settle: (answer: ProbeAnswer) => void = () => undefined;
    const answered = new Promise<ProbeAnswer>((resolve) => (settle = resolve));
    const timer = setTimeout(() => settle({ is: 'silent' }), this.#timeoutMs);
    const request = this.#router.request(requestTopic(target), payload, {
      contentType: 'application/json',
      messageExpirySeconds: Math.max(1, Math.ceil(this.#timeoutMs / 1000)),
      onReply: (message) => settle(aliveAs(message.userProperties)),
    });
    request.ack.then(
      // The broker knows of no subscription: the connection of that client is gone.
      ({ noMatchingSubscribers }) => noMatchingSubscribers && settle({ is: 'silent' }),
      (error: unknown) => settle({ is: isLinkError(error, 'publish-refused') ? 'silent' : 'unsure' }),
    );
    try {
      return await answered;
    } finally {
      clearTimeout(timer);
      request.close();
    }
  }

  close(): Promise<void> {
    return this.#router.close();
  }
}

function aliveAs(properties: UserProperties): ProbeAnswer {
  const value = properties[ATTEMPT_PROPERTY];
  const attempt = Number(typeof value === 'string' ? value : value?.[0]);
  return Number.isInteger(attempt) ? { is: 'alive', attempt } : { is: 'alive' };
}
