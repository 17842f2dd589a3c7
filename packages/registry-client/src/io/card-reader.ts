import type { InboundMessage, Link, Logger } from '@shoal/mqtt-link';
import { isLinkError, readRetained, scanRetained } from '@shoal/mqtt-link';
import type { AddressPattern } from '@shoal/protocol';
import { USER_PROPERTIES, clientIdOf, discoveryFilter, discoveryTopic } from '@shoal/protocol';
import type { BrokerTraits } from '../core/broker-traits.ts';
import { keepsOrder, readTraits } from '../core/broker-traits.ts';
import type { DiscoveryMessage } from '../core/registered-agent.ts';
import type { EmqxApi } from './emqx-api.ts';

export interface CardReaderOptions {
  readonly link: Link;
  readonly pattern: AddressPattern;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Wait for stragglers after the last retained message, where the broker keeps no order. */
  readonly settleMs: number;
  /** Read through it instead, once the broker turns out to compute the status. */
  readonly api?: EmqxApi | undefined;
}

export type OnCard = (message: DiscoveryMessage) => void;

/** Reads all cards as they are now. Each way brings the status that the broker knows at this moment. */
export class CardReader {
  readonly #options: CardReaderOptions;
  traits: BrokerTraits = { software: 'unknown' };
  #wide: boolean;

  constructor(options: CardReaderOptions) {
    this.#options = options;
    this.#wide = options.pattern.agentId === undefined;
  }

  /** What the broker says about itself, when it says it to us. */
  async detect(): Promise<BrokerTraits> {
    const { link, signal, logger } = this.#options;
    try {
      const kept = await readRetained(link, '$SYS/broker/+', { signal, timeoutMs: 5_000 });
      this.traits = readTraits(new Map([...kept].map(([topic, message]) => [topic, message.text()])));
    } catch (error) {
      signal.throwIfAborted();
      logger.debug('the broker does not tell what it is', { error: String(error) });
      this.traits = { software: 'unknown' };
    }
    return this.traits;
  }

  /** The topics of all cards. */
  async readAll(onCard: OnCard, useApi: boolean): Promise<ReadonlySet<string>> {
    const { api, logger } = this.#options;
    if (useApi && api !== undefined) {
      try {
        return await this.#readApi(api, onCard);
      } catch (error) {
        logger.warn('the REST API of the broker does not answer; reading the cards over MQTT', {
          error: String(error),
        });
      }
    }
    return this.#scan(this.#filter(), onCard);
  }

  async readOne(topic: string, onCard: OnCard): Promise<void> {
    await this.#scan(topic, onCard);
  }

  /**
   * Another filter than that of the live subscription, which would lend it its QoS: at QoS 1 Mosquitto drops, by default and silently,
   * what exceeds 1 020 cards.
   */
  #filter(): string {
    const filter = discoveryFilter(this.#options.pattern);
    return this.#wide ? filter.replace(/(\/\+)+$/, '/#') : filter;
  }

  async #scan(filter: string, onCard: OnCard): Promise<ReadonlySet<string>> {
    const { link, signal, settleMs } = this.#options;
    const topics = new Set<string>();
    const scan = {
      onMessage(message: InboundMessage): void {
        topics.add(message.topic);
        onCard(message);
      },
      onRestart: () => topics.clear(),
    };
    const options = { signal, settleMs: keepsOrder(this.traits) ? 0 : settleMs, retainAsPublished: true };
    try {
      await scanRetained(link, filter, scan, options);
    } catch (error) {
      // An access rule may allow the narrow filter only.
      if (!isLinkError(error, 'subscribe-refused') || !this.#wide) throw error;
      this.#wide = false;
      return this.#scan(this.#filter(), onCard);
    }
    return topics;
  }

  async #readApi(api: EmqxApi, onCard: OnCard): Promise<ReadonlySet<string>> {
    const { org, unit, agentId } = this.#options.pattern;
    const cards = await api.list({
      ...(org === undefined ? {} : { org }),
      ...(unit === undefined ? {} : { unit }),
      ...(agentId === undefined ? {} : { agentId }),
    });
    const topics = new Set<string>();
    for (const { address, status, raw, clientId } of cards) {
      // A card that was kept before the registry was switched on may be another client's, whose status says nothing.
      const own = clientId === clientIdOf(address);
      const topic = discoveryTopic(address);
      topics.add(topic);
      onCard({
        topic,
        payload: new TextEncoder().encode(raw),
        retain: true,
        userProperties: own
          ? { [USER_PROPERTIES.status]: status, [USER_PROPERTIES.statusSource]: 'emqx' }
          : {},
      });
    }
    return topics;
  }
}
