import type { InboundMessage, Link, Logger, PublishAck, Subscription, WillOptions } from '@shoal/mqtt-link';
import { isLinkError } from '@shoal/mqtt-link';
import type { AgentAddress, AgentCard } from '@shoal/protocol';
import { USER_PROPERTIES, discoveryTopic, readPresence, userProperty } from '@shoal/protocol';
import { localError } from '../errors.ts';
import type { Clock } from './clock.ts';

export interface CardPresenceOptions {
  readonly link: Link;
  readonly address: AgentAddress;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Which process this is; the will should say the same. Default: a new one. */
  readonly instance?: string;
  /**
   * A process that started later speaks for the same agent. Not every broker tells the loser of a takeover (Mosquitto 2.0.11 just
   * closes the socket), and without this the two would evict each other for ever. Default: ignored.
   */
  readonly onSuperseded?: () => void;
}

/** User property of a card message: which process sent it. Later starts compare higher. An addition to the profile. */
const INSTANCE = 'a2a-instance';

/** Two processes with one identity would answer each other's wills for ever: a wait between two corrections bounds that. */
const MIN_REPUBLISH_MS = 1_000;
const ECHO_TIMEOUT_MS = 5_000;

/** Names a process so that one that starts later compares higher. */
export function newInstance(clock: Clock): string {
  return `${clock.nowIso()}/${crypto.randomUUID()}`;
}

/** The will of an agent: its card, marked offline (profile: LWT 4). Give it to the link that the agent is to use. */
export function cardWill(address: AgentAddress, card: AgentCard, instance?: string): WillOptions {
  return {
    topic: discoveryTopic(address),
    payload: JSON.stringify(card),
    ...cardOptions('offline', 'lwt', instance),
  };
}

/** Keeps the retained card true while the agent lives. */
export class CardPresence {
  readonly #options: CardPresenceOptions;
  readonly #topic: string;
  readonly #instance: string;
  #card: AgentCard;
  #wanted: 'online' | 'offline' = 'offline';
  #subscription: Subscription | undefined;
  #stopListening: (() => void) | undefined;
  #cancelTimer: (() => void) | undefined;
  #lastRepublishMs = Number.NEGATIVE_INFINITY;
  #onEcho: (() => void) | undefined;
  #registered = false;
  /** A later process of the same agent: `answered` when this one has published since it was seen. */
  #rival: 'seen' | 'answered' | undefined;

  constructor(options: CardPresenceOptions, card: AgentCard) {
    this.#options = options;
    this.#topic = discoveryTopic(options.address);
    this.#card = card;
    this.#instance = options.instance ?? newInstance(options.clock);
  }

  /** Resolves when the broker keeps the card; rejects with A2aError `registration-refused`. */
  async start(): Promise<void> {
    const { link } = this.#options;
    this.#wanted = 'online';
    // With No Local the will of our own former connection, which has our client id, would not reach us.
    this.#subscription = await link.subscribe(this.#topic, (message) => this.#seen(message), { qos: 1 });
    this.#stopListening = link.on('online', ({ reconnect }) => {
      if (reconnect) this.#republish('the connection was replaced');
    });
    await this.#register();
    this.#registered = true;
  }

  async update(card: AgentCard): Promise<void> {
    this.#card = card;
    if (this.#wanted === 'online') await this.#publish('online');
  }

  /**
   * Says offline/agent, as a graceful DISCONNECT sends no will (profile: LWT 3); with `unregister` takes the card away instead
   * (profile: Discovery Publisher 2).
   */
  async stop({ unregister = false }: { readonly unregister?: boolean | undefined } = {}): Promise<void> {
    if (this.#wanted === 'offline') return;
    this.#wanted = 'offline';
    this.#stopListening?.();
    this.#cancelTimer?.();
    const { link, logger } = this.#options;
    if (link.state !== 'online') return;
    try {
      if (unregister) await link.publish(this.#topic, '', cardOptions('offline', 'agent', this.#instance));
      else await this.#publish('offline');
      await this.#subscription?.close();
    } catch (error) {
      logger.warn('the card could not be marked offline', { topic: this.#topic, error: String(error) });
    }
  }

  /** EMQX answers a refused card and an unobserved one alike with 0x10; only seeing one's own card tells them apart. */
  async #register(): Promise<void> {
    const echo = new Promise<boolean>((resolve) => {
      const cancel = this.#options.clock.setTimer(() => resolve(false), ECHO_TIMEOUT_MS);
      this.#onEcho = () => {
        cancel();
        resolve(true);
      };
    });
    try {
      const ack = await this.#publish('online').catch((cause: unknown) => {
        if (!isLinkError(cause, 'publish-refused')) throw cause;
        const message = `the broker refused the Agent Card: ${cause.reasonString ?? cause.message}`;
        throw localError('registration-refused', message, { cause, data: { reasonCode: cause.reasonCode } });
      });
      if (ack.noMatchingSubscribers && !(await echo)) {
        throw localError(
          'registration-refused',
          'the broker dropped the Agent Card without a word: check that it has no field beyond A2A 1.0 (`shoal agents lint` names them), ' +
            `and that its address is the client id, ${this.#options.link.clientId}`,
        );
      }
    } finally {
      this.#onEcho?.();
      this.#onEcho = undefined;
    }
  }

  #seen(message: InboundMessage): void {
    const { status } = readPresence(message.userProperties, message.payload.length);
    const instance = userProperty(message.userProperties, INSTANCE);
    if (instance === this.#instance) this.#onEcho?.();
    if (instance !== undefined && this.#isSuperseded(instance)) this.#yield();
    else if (status === 'online') return;
    else if (!message.retain && this.#wanted === 'online')
      this.#republish(`the card turned ${status} while the agent is online`);
  }

  /**
   * One sight of a later process does not tell whether it lives: what is seen after a reconnect may be the will of one that died. When
   * it speaks again after this one has spoken, it does.
   */
  #isSuperseded(instance: string): boolean {
    if (!this.#registered || this.#wanted === 'offline' || this.#options.onSuperseded === undefined)
      return false;
    if (instance <= this.#instance) return false;
    if (this.#rival === 'answered') return true;
    this.#rival = 'seen';
    return false;
  }

  /** The card is the other's now: not a word more about it. */
  #yield(): void {
    this.#wanted = 'offline';
    this.#stopListening?.();
    this.#cancelTimer?.();
    this.#options.onSuperseded?.();
  }

  /** Reference A15: the will of a former connection may arrive after the new card. */
  #republish(why: string): void {
    if (this.#cancelTimer !== undefined) return;
    const { clock, logger } = this.#options;
    const waitMs = Math.max(0, this.#lastRepublishMs + MIN_REPUBLISH_MS - clock.nowMs());
    this.#cancelTimer = clock.setTimer(() => {
      this.#cancelTimer = undefined;
      this.#lastRepublishMs = clock.nowMs();
      if (this.#wanted === 'offline') return;
      logger.info('publishing the card again', { topic: this.#topic, why });
      this.#publish('online').catch((error: unknown) =>
        logger.warn('the card could not be published again', { topic: this.#topic, error: String(error) }),
      );
    }, waitMs);
  }

  async #publish(status: 'online' | 'offline'): Promise<PublishAck> {
    const payload = JSON.stringify(this.#card);
    const ack = await this.#options.link.publish(
      this.#topic,
      payload,
      cardOptions(status, 'agent', this.#instance),
    );
    if (this.#rival === 'seen') this.#rival = 'answered';
    return ack;
  }
}

function cardOptions(status: 'online' | 'offline', source: 'agent' | 'lwt', instance: string | undefined) {
  return {
    qos: 1,
    retain: true,
    contentType: 'application/json',
    payloadIsUtf8: true,
    userProperties: {
      [USER_PROPERTIES.status]: status,
      [USER_PROPERTIES.statusSource]: source,
      ...(instance === undefined ? {} : { [INSTANCE]: instance }),
    },
  } as const;
}
