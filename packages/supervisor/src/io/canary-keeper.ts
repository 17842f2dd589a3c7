import type { Link, Logger } from '@shoal/mqtt-link';
import { canaryTopic, parseJson, validateBrokerCanary, type BrokerCanary } from '@shoal/protocol';
import { isoTime } from '@shoal/workflow';
import { judgeDurability, type BrokerSigns, type Durability } from '../core/durability.ts';

export interface CanaryKeeperOptions {
  readonly link: Link;
  readonly org: string;
  readonly unit: string;
  readonly supervisorId: string;
  readonly refuse: boolean;
  /** Workflows with steps that are declared not idempotent. */
  readonly unsafe: readonly string[];
  readonly logger: Logger;
  readonly now: () => number;
}

/** A year: the canary is written again whenever something about it changes. */
const EXPIRY_SECONDS = 365 * 86_400;

/** Learns whether the broker keeps retained messages over a restart, and retains what it learnt for everybody (DESIGN rule 17). */
export class CanaryKeeper {
  readonly #options: CanaryKeeperOptions;
  #signs: BrokerSigns = {};
  #canary: BrokerCanary | undefined;
  #sawLoss = false;
  #state: Durability = 'unproven';

  constructor(options: CanaryKeeperOptions) {
    this.#options = options;
  }

  get durability(): Durability {
    return this.#state;
  }

  async open(): Promise<void> {
    const { link } = this.#options;
    await link.subscribe(canaryTopic(this.#options), ({ payload }) => this.#take(payload));
    await this.#listen('$SYS/broker/boot-id', (text) => (this.#signs = { ...this.#signs, bootId: text }));
    await this.#listen(
      '$SYS/broker/durability',
      (text) => (this.#signs = { ...this.#signs, declared: text }),
    );
    await this.#listen('$SYS/broker/uptime', (text) => this.#onUptime(text));
  }

  /** To be called when the retained messages have come, at start and after each reconnect. */
  async judge(): Promise<void> {
    const { refuse, supervisorId, now } = this.#options;
    this.#state = judgeDurability(this.#canary, this.#signs, this.#sawLoss);
    const { bootId } = this.#signs;
    const told = this.#canary;
    if (told?.state === this.#state && told.refuse === refuse && told.bootId === bootId) return;
    if (this.#state === 'lossy') this.#warn();
    const canary: BrokerCanary = {
      schemaVersion: 1,
      state: this.#state,
      ...(bootId === undefined ? {} : { bootId }),
      refuse,
      supervisorId,
      at: isoTime(now()),
    };
    await this.#options.link.publish(canaryTopic(this.#options), JSON.stringify(canary), {
      qos: 1,
      retain: true,
      contentType: 'application/json',
      payloadIsUtf8: true,
      messageExpirySeconds: EXPIRY_SECONDS,
    });
  }

  #warn(): void {
    const { logger, unsafe } = this.#options;
    if (!this.#sawLoss && unsafe.length === 0) return;
    logger.warn('this broker does not keep retained messages over a restart', {
      advice:
        'switch its persistence on; until then a step that is not idempotent may act twice after a restart',
      workflows: unsafe,
    });
  }

  /** The broker came back without records that were there. */
  async sawLoss(): Promise<void> {
    this.#sawLoss = true;
    await this.judge();
  }

  /** To be called when the connection is lost: all retained messages come again, if they still exist. */
  restart(): void {
    this.#canary = undefined;
    this.#signs = {};
  }

  async #listen(topic: string, take: (text: string) => unknown): Promise<void> {
    try {
      await this.#options.link.subscribe(topic, (message) => {
        take(message.text());
      });
    } catch (error) {
      this.#options.logger.debug('the broker tells nothing of itself', { topic, error: String(error) });
    }
  }

  /** Mosquitto: `12 seconds`. The time of the start stands for its id. */
  #onUptime(text: string): void {
    const seconds = /^\d+/.exec(text)?.[0];
    if (seconds === undefined || this.#signs.bootId !== undefined) return;
    this.#signs = { ...this.#signs, bootId: `up:${this.#options.now() - Number(seconds) * 1000}` };
  }

  #take(payload: Uint8Array): void {
    const json = payload.length === 0 ? undefined : parseJson(payload);
    const checked = json?.ok === true ? validateBrokerCanary(json.value) : undefined;
    this.#canary = checked?.ok === true ? checked.value : undefined;
  }
}
