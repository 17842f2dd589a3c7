import type { InboundMessage, Link, Logger, Subscription } from '@shoal/mqtt-link';
import { openLink, silentLogger } from '@shoal/mqtt-link';
import type { AgentAddress, AgentCard } from '@shoal/protocol';
import { USER_PROPERTIES, clientIdOf, poolRequestTopic, requestTopic } from '@shoal/protocol';
import type { CardInput } from '../core/card.ts';
import {
  DEFAULT_CONTEXT_EXPIRY_SECONDS,
  buildCard,
  contextExtension,
  requiredExtensions,
  supportedExtensions,
} from '../core/card.ts';
import type { MaybePromise } from '../core/keyed-lock.ts';
import { localError } from '../errors.ts';
import { duplicateSkill, withSkills } from '../core/skill-handler.ts';
import { CardPresence, cardWill, newInstance } from './card-presence.ts';
import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import { memoryTaskStore } from './memory-task-store.ts';
import type { PoolMode } from './pools.ts';
import { Pools } from './pools.ts';
import type { Requester } from './requester-types.ts';
import { createRequester } from './requester.ts';
import { RequestGuard } from './request-guard.ts';
import { Responder } from './responder.ts';
import { taskHandler } from './task-handler.ts';
import type { TaskStore } from './task-store.ts';
import type { Agent, AgentOptions, StopOptions } from './agent-types.ts';
import type { Unfinished } from './task-runner.ts';

/** Requests of one agent that may be in admission at once; only a store that waits for the broker needs more than one. */
const ADMISSIONS = 64;

interface StopChoice {
  readonly unfinished?: Unfinished | undefined;
  readonly unregister?: boolean | undefined;
}

type Receive = (
  message: InboundMessage,
  replyProperties?: Readonly<Record<string, string>>,
) => MaybePromise<void>;

/** An A2A agent on an MQTT broker. No I/O before `start`. Throws for ids that are not identifiers and for an invalid card. */
export function createAgent(options: AgentOptions): Agent {
  return new MqttAgent(options);
}

class MqttAgent implements Agent {
  readonly address: AgentAddress;
  readonly #options: AgentOptions;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #tasks: TaskStore;
  readonly #instance: string;
  #cardInput: CardInput;
  #card: AgentCard;
  #required: readonly string[] = [];
  #link: Link | undefined;
  #requester: Requester | undefined;
  #responder: Responder | undefined;
  #presence: CardPresence | undefined;
  #requests: Subscription | undefined;
  #pools: Pools | undefined;
  #starting: Promise<void> | undefined;
  #stopListening: (() => void) | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: AgentOptions) {
    const { org, unit, agentId } = options;
    this.address = { org, unit, agentId };
    clientIdOf(this.address);
    for (const poolId of options.pools ?? []) poolRequestTopic({ org, unit, poolId });
    if ((options.url === undefined) === (options.link === undefined))
      throw new TypeError('createAgent needs either url, for example mqtt://127.0.0.1:1883, or link');
    assertOptions(options);
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#clock = options.clock ?? systemClock;
    this.#instance = newInstance(this.#clock);
    this.#tasks = options.tasks ?? memoryTaskStore();
    this.#cardInput = options.card;
    this.#card = this.#build(options.card);
  }

  get card(): AgentCard {
    return this.#card;
  }

  get link(): Link {
    if (this.#link === undefined)
      throw localError('closed', 'the agent is not connected yet: `await agent.start()` first');
    return this.#link;
  }

  get requester(): Requester {
    const { retry, token, allowTokenOnLoopback, encryption } = this.#options;
    return (this.#requester ??= createRequester({
      link: this.link,
      address: this.address,
      clock: this.#clock,
      logger: this.#logger,
      ...(retry === undefined ? {} : { retry }),
      ...(token === undefined ? {} : { token }),
      ...(allowTokenOnLoopback === undefined ? {} : { allowTokenOnLoopback }),
      ...(encryption === undefined ? {} : { encryption }),
    }));
  }

  get poolMode(): PoolMode | undefined {
    return this.#pools?.mode;
  }

  get running(): number {
    return this.#responder?.running ?? 0;
  }

  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  stop(options: StopOptions = {}): Promise<void> {
    this.#stopping ??= this.#stopAfterStart(options);
    return this.#stopping;
  }

  async updateCard(patch: Partial<CardInput>): Promise<void> {
    const input = { ...this.#cardInput, ...patch };
    this.#setCard(await this.#signed(this.#build(input)));
    this.#cardInput = input;
    await this.#presence?.update(this.#card);
  }

  async #start(): Promise<void> {
    this.#setCard(await this.#signed(this.#card));
    const link = this.#options.link ?? (await this.#open());
    this.#link = link;
    const onSuperseded = (): void => this.#superseded(link);
    this.#stopListening = link.on('fenced', onSuperseded);
    try {
      await this.#tasks.open?.({ link, address: this.address, logger: this.#logger });
      const responder = this.#createResponder(link);
      this.#responder = responder;
      await responder.recover();
      const receive = this.#guarded(link, responder);
      this.#requests = await link.subscribe(requestTopic(this.address), (message) => receive(message), {
        qos: 1,
        manualAck: true,
        concurrency: ADMISSIONS,
      });
      this.#pools = this.#createPools(link, responder, receive);
      await this.#pools.start();
      this.#presence = new CardPresence(
        {
          link,
          address: this.address,
          logger: this.#logger,
          clock: this.#clock,
          instance: this.#instance,
          onSuperseded,
        },
        this.#card,
      );
      await this.#presence.start();
      responder.keepContexts();
    } catch (error) {
      await this.#stop(0);
      throw error;
    }
  }

  /** Without a guard nothing is added to the way of a message. */
  #guarded(link: Link, responder: Responder): Receive {
    const { auth, encryption } = this.#options;
    if (auth === undefined && encryption === undefined)
      return (message, properties) => responder.receive(message, properties);
    const { address } = this;
    const guard = new RequestGuard({ link, address, logger: this.#logger, auth, encryption });
    return (message, properties) =>
      guard.receive(message, (guarded) => responder.receive(guarded, properties), properties);
  }

  async #signed(card: AgentCard): Promise<AgentCard> {
    return (await this.#options.signCard?.(card)) ?? card;
  }

  #createPools(link: Link, responder: Responder, receive: Receive): Pools {
    const named = { [USER_PROPERTIES.responderAgentId]: this.address.agentId };
    return new Pools({
      link,
      address: this.address,
      poolIds: this.#options.pools ?? [],
      clock: this.#clock,
      logger: this.#logger,
      concurrency: ADMISSIONS,
      hasRoom: () => responder.hasRoom(),
      receive: (message) => receive(message, named),
    });
  }

  #createResponder(link: Link): Responder {
    const { concurrency, maxQueued, taskTimeoutMs, onOrphan, push, pushProfile } = this.#options;
    const { extendedCard, auth, encryption } = this.#options;
    return new Responder({
      link,
      handle: taskHandler(this.#options.skills ?? [], this.#options.handle),
      onOrphan,
      // To the delegate this agent is the requester: others would not be let in there.
      announcesHandOver: auth === undefined && encryption === undefined,
      push: push && { transport: push, profile: pushProfile },
      extendedCard:
        extendedCard &&
        (async (request) => {
          const input = await extendedCard(request);
          return input && this.#build(input);
        }),
      logger: this.#logger,
      clock: this.#clock,
      newId,
      store: this.#tasks,
      requester: () => this.requester,
      concurrency: concurrency ?? 4,
      maxQueued: maxQueued ?? 64,
      taskTimeoutMs: taskTimeoutMs ?? 3_600_000,
      contextExpirySeconds: this.#options.contextExpirySeconds,
      artifacts: this.#options.artifacts ?? {},
      requiredExtensions: () => this.#required,
      supportedExtensions: () => supportedExtensions(this.#card),
    });
  }

  #superseded({ clientId }: Link): void {
    this.#logger.error('another process took over the identity of this agent; stopping', { clientId });
    void this.stop({ graceMs: 0 });
  }

  async #stopAfterStart({ graceMs = 5_000, unfinished, unregister }: StopOptions): Promise<void> {
    await this.#starting?.catch(() => undefined);
    await this.#stop(graceMs, { unfinished, unregister });
  }

  async #stop(graceMs: number, { unfinished, unregister }: StopChoice = {}): Promise<void> {
    const link = this.#link;
    if (link === undefined) return;
    this.#stopListening?.();
    // The other members take what comes from now on.
    if (link.state === 'online') await this.#pools?.stop();
    await this.#responder?.stop(link.state === 'online' ? graceMs : 0, unfinished);
    if (link.state === 'online') await this.#requests?.close();
    await this.#presence?.stop({ unregister });
    await this.#requester?.close();
    await this.#tasks.close?.();
    if (this.#options.link === undefined) await link.close();
  }

  #open(): Promise<Link> {
    const { url = '', username, password, reconnect, linkOptions, extraUserProperties } = this.#options;
    return openLink({
      ...linkOptions,
      url,
      clientId: clientIdOf(this.address),
      will: cardWill(this.address, this.#card, this.#instance),
      logger: this.#logger,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(reconnect === undefined ? {} : { reconnect }),
      ...(extraUserProperties === undefined ? {} : { userProperties: extraUserProperties }),
    });
  }

  #build(card: CardInput): AgentCard {
    const capabilities = {
      pushNotifications: this.#options.push !== undefined,
      extendedAgentCard: this.#options.extendedCard !== undefined,
      ...card.capabilities,
      extensions: [
        ...(card.capabilities?.extensions ?? []),
        ...contextExtension(this.#options.contextExpirySeconds ?? DEFAULT_CONTEXT_EXPIRY_SECONDS),
      ],
    };
    return buildCard(
      withSkills({ ...card, capabilities }, this.#options.skills ?? []),
      this.address,
      this.#brokerUrl(),
    );
  }

  #setCard(card: AgentCard): void {
    this.#card = card;
    this.#required = requiredExtensions(card);
  }

  #brokerUrl(): string {
    return this.#options.publicUrl ?? this.#options.url ?? 'mqtt://localhost';
  }
}

function assertOptions({ tasks, encryption, handle, skills = [], pools = [] }: AgentOptions): void {
  if (encryption !== undefined && pools.length > 0)
    throw new TypeError(
      'an agent with encryption cannot be in a pool: a requester has to know for whom it encrypts',
    );
  if (handle === undefined && skills.length === 0)
    throw new TypeError('createAgent needs handle, or skills, or both: nothing would carry out a task');
  const duplicate = duplicateSkill(skills);
  if (duplicate !== undefined) throw new TypeError(`two skills of the agent have the id ${duplicate}`);
  if (encryption !== undefined && tasks?.onBroker === true) {
    throw new TypeError(
      'an agent with encryption cannot keep its tasks on the broker, where they would lie in the clear: use memoryTaskStore or levelTaskStore',
    );
  }
}

const newId = (): string => crypto.randomUUID();
