import type { InboundMessage, Link, Logger, Subscription } from '@shoal/mqtt-link';
import type { PoolAddress } from '@shoal/protocol';
import { parseJson, poolClaimTopic, poolRequestTopic } from '@shoal/protocol';
import type { Claim } from '../core/claim-book.ts';
import { ClaimBook, parseClaim, taskNamedIn } from '../core/claim-book.ts';
import type { MaybePromise } from '../core/keyed-lock.ts';
import type { Clock } from './clock.ts';

export interface PoolMemberOptions {
  readonly link: Link;
  readonly pool: PoolAddress;
  readonly agentId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether a handler or a place in line is free. */
  readonly hasRoom: () => boolean;
  /** Handles a request that is this member's. */
  readonly receive: (message: InboundMessage) => MaybePromise<void>;
  /** Requests in work at once, until they are stored or answered. */
  readonly concurrency: number;
}

/** A claim whose winner is not seen within this time is given up: the requester sends its request again. */
const DECISION_MS = 5_000;
const CLAIM_EXPIRY_SECONDS = 60;

/**
 * A pool on a broker that does not share `$a2a` topics. Every member gets every request; who wants it claims it, and the first claim in
 * the order of the claim topic has it: each request is handled once, and one about a known task by the member that has it.
 */
export class PoolClaims {
  readonly #options: PoolMemberOptions;
  readonly #book: ClaimBook;
  readonly #waiting = new Map<string, (winner: string) => void>();
  #subscriptions: Subscription[] = [];

  constructor(options: PoolMemberOptions) {
    this.#options = options;
    this.#book = new ClaimBook(options.agentId);
  }

  async start(): Promise<void> {
    const { link, pool, concurrency } = this.#options;
    // Claims first: who takes a request has to see who else wants it.
    const claims = await link.subscribe(poolClaimTopic(pool), (message) => this.#seen(message));
    this.#subscriptions.push(claims);
    const requests = await link.subscribe(poolRequestTopic(pool), (message) => this.#offer(message), {
      manualAck: true,
      concurrency,
    });
    this.#subscriptions.push(requests);
  }

  async stop(): Promise<void> {
    for (const subscription of this.#subscriptions.splice(0).toReversed()) await subscription.close();
  }

  async #offer(message: InboundMessage): Promise<void> {
    const { agentId, hasRoom, receive } = this.#options;
    const json = parseJson(message.payload);
    const task = json.ok ? taskNamedIn(json.value) : undefined;
    const request = await digestOf(message);
    const patienceMs = this.#book.patienceMs(task, hasRoom());
    let winner = this.#book.winnerOf(request) ?? (await this.#decided(request, patienceMs));
    if (winner === undefined) {
      const claim: Claim = { schemaVersion: 1, request, agentId, ...(task === undefined ? {} : { task }) };
      winner = await this.#claim(claim);
    }
    if (winner === agentId) await receive(message);
  }

  /** The winner after one's own claim: the broker's order decides, not the order of publishing. */
  async #claim(claim: Claim): Promise<string | undefined> {
    const { link, pool, logger } = this.#options;
    const decided = this.#decided(claim.request, DECISION_MS);
    try {
      await link.publish(poolClaimTopic(pool), JSON.stringify(claim), {
        contentType: 'application/json',
        payloadIsUtf8: true,
        messageExpirySeconds: CLAIM_EXPIRY_SECONDS,
      });
    } catch (error) {
      logger.warn('a request of the pool could not be claimed', { error: String(error) });
    }
    const winner = await decided;
    if (winner === undefined)
      logger.warn('a request of the pool was not decided in time; its requester sends it again', { pool });
    return winner;
  }

  #decided(request: string, withinMs: number): Promise<string | undefined> {
    if (withinMs === 0) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const end = (winner?: string): void => {
        cancel();
        this.#waiting.delete(request);
        resolve(winner);
      };
      const cancel = this.#options.clock.setTimer(end, withinMs);
      this.#waiting.set(request, end);
    });
  }

  #seen(message: InboundMessage): void {
    const json = parseJson(message.payload);
    const claim = json.ok ? parseClaim(json.value) : undefined;
    if (claim === undefined)
      return this.#options.logger.warn('a claim that cannot be read is ignored', { topic: message.topic });
    const winner = this.#book.note(claim);
    return this.#waiting.get(claim.request)?.(winner);
  }
}

/** The same for every member, and another for each attempt of a requester. */
async function digestOf({ responseTopic = '', correlationData, payload }: InboundMessage): Promise<string> {
  const topic = new TextEncoder().encode(`${responseTopic}\0`);
  const bytes = new Uint8Array(topic.length + (correlationData?.length ?? 0) + payload.length);
  bytes.set(topic);
  bytes.set(correlationData ?? [], topic.length);
  bytes.set(payload, topic.length + (correlationData?.length ?? 0));
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
