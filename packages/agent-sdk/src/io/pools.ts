import type { Link, Subscription } from '@shoal/mqtt-link';
import { canShare } from '@shoal/mqtt-link';
import type { AgentAddress } from '@shoal/protocol';
import { eventTopic, poolSubscription } from '@shoal/protocol';
import type { PoolMemberOptions } from './pool-claims.ts';
import { PoolClaims } from './pool-claims.ts';

export interface PoolsOptions extends Omit<PoolMemberOptions, 'pool' | 'agentId'> {
  readonly address: AgentAddress;
  readonly poolIds: readonly string[];
}

/** `shared`: the broker chooses a member for each request. `claimed`: the members do, because the broker does not. */
export type PoolMode = 'shared' | 'claimed';

/** Memberships of one agent. */
export class Pools {
  readonly #options: PoolsOptions;
  readonly #members: { stop(): Promise<void> }[] = [];
  mode: PoolMode | undefined;

  constructor(options: PoolsOptions) {
    this.#options = options;
  }

  /** Probes the broker, says what it found, and takes requests. */
  async start(): Promise<void> {
    const { link, address, poolIds, logger } = this.#options;
    if (poolIds.length === 0) return;
    this.mode = (await canShare(link, eventTopic(address))) ? 'shared' : 'claimed';
    if (this.mode === 'claimed')
      logger.warn(
        'this broker grants shared subscriptions of $a2a topics and delivers nothing on them (Mosquitto 2.0.11 does): every member of a pool gets every request, and they agree by claims who takes it',
        { poolIds },
      );
    for (const poolId of poolIds) {
      const pool = { org: address.org, unit: address.unit, poolId };
      if (this.mode === 'shared') this.#members.push(await this.#share(link, poolSubscription(pool)));
      else {
        const claims = new PoolClaims({ ...this.#options, agentId: address.agentId, pool });
        this.#members.push(claims);
        await claims.start();
      }
    }
  }

  async stop(): Promise<void> {
    for (const member of this.#members.splice(0)) await member.stop();
  }

  async #share(link: Link, filter: string): Promise<{ stop(): Promise<void> }> {
    const { receive, concurrency } = this.#options;
    const handler = async (message: Parameters<typeof receive>[0]): Promise<void> => receive(message);
    const subscription: Subscription = await link.subscribe(filter, handler, {
      manualAck: true,
      concurrency,
    });
    return { stop: () => subscription.close() };
  }
}
