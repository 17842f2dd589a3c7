import { buildCard, CardPresence, cardWill, systemClock } from '@shoal/agent-sdk';
import {
  openLink,
  readRetained,
  type InboundMessage,
  type Link,
  type LinkOptions,
  type Logger,
} from '@shoal/mqtt-link';
import { clientIdOf, discoveryTopic, readPresence, type AgentAddress, type AgentCard } from '@shoal/protocol';
import type { Workflow } from '@shoal/workflow';

export interface CardHolderOptions {
  /** The supervisor's own link: it watches. */
  readonly link: Link;
  readonly connect: Pick<
    LinkOptions,
    'url' | 'username' | 'password' | 'openStream' | 'tls' | 'keepAliveSeconds'
  >;
  readonly address: AgentAddress;
  readonly workflow: Workflow;
  readonly logger: Logger;
  readonly random: () => number;
  /** How long a card may be offline before somebody takes it; the jitter is as long. */
  readonly takeoverMs: number;
}

/**
 * The workflow's card on a connection of its own: only the client id `org/unit/workflowId` may publish it. Of several supervisors one
 * holds it; the others take over when it goes offline (DESIGN rule 19). Requests do not depend on who holds it.
 */
export class CardHolder {
  readonly #options: CardHolderOptions;
  readonly #card: AgentCard;
  #presence: CardPresence | undefined;
  #held: Link | undefined;
  #state: 'online' | 'offline' | 'unknown' = 'unknown';
  #timer: NodeJS.Timeout | undefined;
  #taking = false;
  #stopped = false;

  constructor(options: CardHolderOptions) {
    this.#options = options;
    this.#card = cardOf(options.workflow, options.address, options.connect.url);
  }

  get holds(): boolean {
    return this.#held !== undefined;
  }

  /** Watches the card; takes it at once when nobody has it. */
  async start(): Promise<void> {
    const { link, address } = this.#options;
    // A broker that restarts may have lost the card, and says nothing about what it has not.
    link.on('offline', () => (this.#state = 'unknown'));
    await link.subscribe(discoveryTopic(address), (message) => {
      this.#state = stateOf(message);
      this.#consider();
    });
  }

  /** To be called when the retained state is known: an absent card brings no message. */
  consider(): void {
    this.#consider();
  }

  /** To be called now and then: EMQX does not push a change of presence, and tells it to who asks (DESIGN rule 18). Never rejects. */
  async look(): Promise<void> {
    const { link, address } = this.#options;
    const topic = discoveryTopic(address);
    if (!this.#stopped && !this.holds && !this.#taking && this.#state === 'online') {
      const found = await readRetained(link, topic).catch(() => undefined);
      if (found !== undefined) this.#state = stateOf(found.get(topic));
    }
    this.#consider();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#presence?.stop();
    await this.#held?.close();
  }

  #consider(): void {
    if (this.#stopped || this.holds || this.#taking || this.#state === 'online') {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      return;
    }
    if (this.#timer !== undefined) return;
    const { takeoverMs, random } = this.#options;
    const delayMs = this.#state === 'unknown' ? random() * 50 : takeoverMs * (0.5 + random());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#take();
    }, delayMs);
  }

  async #take(): Promise<void> {
    if (this.#stopped || this.holds || this.#state === 'online') return;
    const { address, connect, logger } = this.#options;
    this.#taking = true;
    try {
      const link = await openLink({
        ...connect,
        clientId: clientIdOf(address),
        will: cardWill(address, this.#card),
        // Someone else holds it now: whoever reconnected would start a takeover for ever.
        mayConnect: () =>
          Promise.resolve(!this.#stopped && (this.#held === undefined || this.#state !== 'online')),
        logger,
      });
      this.#held = link;
      link.on('fenced', () => this.#lose(link));
      link.on('closed', () => this.#lose(link));
      this.#presence = new CardPresence({ link, address, logger, clock: systemClock }, this.#card);
      await this.#presence.start();
      logger.info('holds the card', { workflowId: address.agentId });
      if (this.#stopped) await this.stop();
    } catch (error) {
      logger.warn('the card could not be published', { workflowId: address.agentId, error: String(error) });
      const link = this.#held;
      this.#held = undefined;
      await link?.close();
    } finally {
      this.#taking = false;
    }
    this.#consider();
  }

  #lose(link: Link): void {
    if (this.#held !== link) return;
    this.#held = undefined;
    this.#presence = undefined;
    if (!this.#stopped)
      this.#options.logger.info('lost the card', { workflowId: this.#options.address.agentId });
    this.#consider();
  }
}

function stateOf(card: InboundMessage | undefined): 'online' | 'offline' {
  if (card === undefined) return 'offline';
  const { status } = readPresence(card.userProperties, card.payload.length);
  return status === 'online' ? 'online' : 'offline';
}

function cardOf(workflow: Workflow, address: AgentAddress, url: string): AgentCard {
  const name = workflow.name ?? workflow.id;
  return buildCard(
    {
      name,
      description: workflow.description,
      version: workflow.version ?? '1.0.0',
      capabilities: { streaming: true },
      skills: [
        {
          id: workflow.id,
          name,
          description: workflow.description,
          tags: workflow.tags === undefined || workflow.tags.length === 0 ? ['workflow'] : [...workflow.tags],
        },
      ],
    },
    address,
    url,
  );
}
