import type { Link, Logger, ReplyRouter } from '@shoal/mqtt-link';
import { createReplyRouter, isLinkError } from '@shoal/mqtt-link';
import type { AgentAddress } from '@shoal/protocol';
import {
  A2A_VERSION,
  USER_PROPERTIES,
  clientIdOf,
  parseClientId,
  replyTopic,
  requestTopic,
} from '@shoal/protocol';
import type { Evidence } from '../core/presence.ts';

export type ProbeOutcome = Extract<Evidence, { kind: 'probe' }>['outcome'];

export interface ProbeOptions {
  /** Whose reply topic the answers go to. Default: the link's client id when it is an address. */
  readonly address?: AgentAddress;
  /** How long an agent may take to answer. Default 3 000. */
  readonly timeoutMs?: number;
  /** Probes at once; others wait. Default 16. */
  readonly concurrency?: number;
}

export interface ProberInit extends ProbeOptions {
  readonly link: Link;
  readonly logger: Logger;
  /** Undefined: the agent could not be asked, which says nothing about it. */
  readonly onOutcome: (address: AgentAddress, outcome: ProbeOutcome | undefined) => void;
  /** The broker does not let this client ask agents. */
  readonly onDenied: () => void;
}

/** Asks agents for a task that nobody has: whatever they answer, they are there (profile: Presence Subscriber 5). */
export class Prober {
  readonly #init: ProberInit;
  readonly #router: ReplyRouter;
  /** By client id: an agent waits once, so there are never more than agents. */
  readonly #waiting = new Map<string, AgentAddress>();
  readonly #asked = new Map<string, () => void>();
  #lastId = 0;
  #closed = false;

  constructor(init: ProberInit) {
    this.#init = init;
    const address = init.address ?? parseClientId(init.link.clientId) ?? watcherAddress(init.link.clientId);
    this.#router = createReplyRouter(init.link, { replyTopic: replyTopic(address, crypto.randomUUID()) });
  }

  probe(address: AgentAddress): void {
    const key = clientIdOf(address);
    if (this.#closed || this.#asked.has(key)) return;
    this.#waiting.set(key, address);
    this.#next();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting.clear();
    for (const end of this.#asked.values()) end();
    this.#asked.clear();
    await this.#router.close();
  }

  #next(): void {
    const { concurrency = 16 } = this.#init;
    for (const [key, address] of this.#waiting) {
      if (this.#asked.size >= concurrency) return;
      this.#waiting.delete(key);
      this.#ask(key, address);
    }
  }

  #ask(key: string, address: AgentAddress): void {
    const { timeoutMs = 3_000 } = this.#init;
    const timer = setTimeout(() => settle('silent'), timeoutMs);
    const request = this.#router.request(requestTopic(address), this.#question(), {
      contentType: 'application/json',
      payloadIsUtf8: true,
      userProperties: { [USER_PROPERTIES.version]: A2A_VERSION },
      // Who was away for so long is not to answer old probes when it is back.
      messageExpirySeconds: Math.max(1, Math.ceil(timeoutMs / 1000)),
      onReply: () => settle('answered'),
      onFailure: (error) => this.#failed(error, settle),
    });
    const settle = (outcome: ProbeOutcome | undefined): void => {
      if (!this.#asked.has(key)) return;
      this.#asked.delete(key);
      clearTimeout(timer);
      request.close();
      this.#init.onOutcome(address, outcome);
      this.#next();
    };
    this.#asked.set(key, () => {
      clearTimeout(timer);
      request.close();
    });
    request.ack.then(({ noMatchingSubscribers }) => noMatchingSubscribers && settle('nobody'), ignore);
  }

  #failed(error: Error, settle: (outcome: undefined) => void): void {
    settle(undefined);
    if (!isLinkError(error, 'publish-refused') && !isLinkError(error, 'subscribe-refused')) return;
    this.#init.logger.warn('the broker does not allow this client to probe agents', { error: error.message });
    this.#init.onDenied();
  }

  #question(): string {
    const params = { id: crypto.randomUUID(), historyLength: 0 };
    return JSON.stringify({ jsonrpc: '2.0', id: (this.#lastId += 1), method: 'GetTask', params });
  }
}

/** A watcher whose client id is no address still needs a reply topic of its own. */
function watcherAddress(clientId: string): AgentAddress {
  const agentId = clientId.replaceAll(/[^A-Za-z0-9_.-]/g, '_') || 'watcher';
  return { org: 'registry', unit: 'watchers', agentId: agentId === 'pool' ? 'pool_' : agentId };
}

function ignore(): void {}
