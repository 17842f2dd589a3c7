import { AgentCard as SdkCard } from '@a2a-js/sdk';
import type { AgentCard as SdkAgentCard } from '@a2a-js/sdk';
import type {
  AgentExecutor,
  DefaultRequestHandlerOptions,
  ExecutionEventBusManager,
  ExtendedAgentCardProvider,
  PushNotificationSender,
  PushNotificationStore,
  TaskStore,
  User,
} from '@a2a-js/sdk/server';
import { DefaultRequestHandler, InMemoryTaskStore } from '@a2a-js/sdk/server';
import type { DecodedRequest } from '@shoal/agent-sdk';
import { CardPresence, cardWill, decodeRequest, publishReply, systemClock } from '@shoal/agent-sdk';
import type { InboundMessage, Link, LinkOptions, Logger, Subscription } from '@shoal/mqtt-link';
import { openLink, silentLogger } from '@shoal/mqtt-link';
import type { AgentAddress, AgentCard } from '@shoal/protocol';
import { authError, clientIdOf, normalizeTaskId, requestTopic } from '@shoal/protocol';
import { AdmittingExecutor, AdmittingTaskStore } from '../core/admission.ts';
import { mqttCard } from '../core/mqtt-card.ts';
import { ReplyLine } from './reply-lines.ts';
import { SdkBridge } from './sdk-bridge.ts';
import { SendDesk } from './send-desk.ts';

export interface A2aMqttServerOptions {
  /** Broker to connect to. */
  readonly url: string;
  /** The broker's URL as the card names it. Default `url`, without credentials. */
  readonly publicUrl?: string;
  readonly org: string;
  readonly unit: string;
  readonly agentId: string;
  /** The agent's card as it is; interfaces for MQTT and its address are added. */
  readonly card: SdkAgentCard;
  /** Runs unchanged. */
  readonly executor: AgentExecutor;
  /** Default `InMemoryTaskStore`. */
  readonly taskStore?: TaskStore;
  readonly eventBusManager?: ExecutionEventBusManager;
  readonly pushNotificationStore?: PushNotificationStore;
  readonly pushNotificationSender?: PushNotificationSender;
  readonly extendedAgentCard?: SdkAgentCard | ExtendedAgentCardProvider;
  readonly handlerOptions?: DefaultRequestHandlerOptions;
  /** Who sends a request, by its user properties. Undefined refuses it with -31401. Default: nobody in particular. */
  readonly authenticate?: (request: InboundMessage) => Promise<User | undefined> | User | undefined;
  /** Messages that are worked on at once; one more is answered -32004 responder_unavailable. Default 1 000. */
  readonly maxRunning?: number;
  /** Further options of the link: credentials, TLS, reconnect. */
  readonly linkOptions?: Partial<Omit<LinkOptions, 'url' | 'clientId' | 'will' | 'logger'>>;
  readonly logger?: Logger;
}

export interface A2aMqttServer {
  readonly address: AgentAddress;
  /** As published on the broker. */
  readonly card: AgentCard;
  /** Resolves when requests are answered and the card is registered. */
  start(): Promise<void>;
  /** Refuses new messages, lets what runs go on for `graceMs` (default 5 000), says offline, disconnects. Stopping twice is fine. */
  stop(options?: { readonly graceMs?: number }): Promise<void>;
}

/** Serves an agent that was written for `@a2a-js/sdk` over MQTT. No I/O before `start`. Throws for ids and cards that are not valid. */
export function createMqttServer(options: A2aMqttServerOptions): A2aMqttServer {
  return new MqttServer(options);
}

class MqttServer implements A2aMqttServer {
  readonly address: AgentAddress;
  readonly card: AgentCard;
  readonly #options: A2aMqttServerOptions;
  readonly #logger: Logger;
  readonly #store: TaskStore;
  readonly #bridge: SdkBridge;
  readonly #requiredExtensions: readonly string[];
  #link: Link | undefined;
  #desk: SendDesk | undefined;
  #requests: Subscription | undefined;
  #presence: CardPresence | undefined;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: A2aMqttServerOptions) {
    const { org, unit, agentId } = options;
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.address = { org, unit, agentId };
    this.card = mqttCard(options.card, this.address, options.publicUrl ?? options.url);
    this.#requiredExtensions = (this.card.capabilities.extensions ?? []).flatMap(({ uri, required }) =>
      uri !== undefined && required === true ? [uri] : [],
    );
    this.#store = options.taskStore ?? new InMemoryTaskStore();
    this.#bridge = new SdkBridge(
      new DefaultRequestHandler(
        SdkCard.fromJSON(this.card),
        new AdmittingTaskStore(this.#store),
        new AdmittingExecutor(options.executor),
        options.eventBusManager,
        options.pushNotificationStore,
        options.pushNotificationSender,
        options.extendedAgentCard,
        undefined,
        options.handlerOptions,
      ),
    );
  }

  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  stop(options: { readonly graceMs?: number } = {}): Promise<void> {
    this.#stopping ??= this.#stop(options.graceMs ?? 5_000);
    return this.#stopping;
  }

  async #start(): Promise<void> {
    const { url, linkOptions, maxRunning = 1_000 } = this.#options;
    const link = await openLink({
      ...linkOptions,
      url,
      clientId: clientIdOf(this.address),
      will: cardWill(this.address, this.card),
      logger: this.#logger,
    });
    this.#link = link;
    try {
      const { address } = this;
      const logger = this.#logger;
      const desk = new SendDesk({ link, logger, bridge: this.#bridge, store: this.#store, maxRunning });
      this.#desk = desk;
      this.#requests = await link.subscribe(
        requestTopic(address),
        (message) => this.#receive(link, desk, message),
        {
          qos: 1,
          manualAck: true,
          concurrency: maxRunning,
        },
      );
      this.#presence = new CardPresence({ link, address, logger, clock: systemClock }, this.card);
      await this.#presence.start();
    } catch (error) {
      await link.close();
      throw error;
    }
  }

  async #stop(graceMs: number): Promise<void> {
    await this.#starting?.catch(() => undefined);
    const link = this.#link;
    if (link === undefined) return;
    await this.#desk?.stop(link.state === 'online' ? graceMs : 0);
    if (link.state === 'online') await this.#requests?.close();
    await this.#presence?.stop();
    await link.close();
  }

  /** Resolves when the message may be acknowledged. Never rejects: what goes wrong is answered and logged. */
  async #receive(link: Link, desk: SendDesk, message: InboundMessage): Promise<void> {
    const logger = this.#logger;
    const decoded = decodeRequest(message, { requiredExtensions: this.#requiredExtensions });
    if (!decoded.ok) {
      logger.warn('request rejected', { topic: message.topic, reason: decoded.reason });
      const { answer } = decoded;
      if (answer === undefined) return;
      await publishReply(link, answer.path, answer.payload).catch((error: unknown) =>
        logger.warn('a reply could not be published', { error: String(error) }),
      );
      return;
    }
    const user = await this.#userOf(message);
    if (user === 'refused') {
      const line = new ReplyLine({ link, logger }, decoded.id, decoded.reply, false);
      return line.error(
        authError('Unauthenticated', 'the request does not say who sends it, or not credibly'),
      );
    }
    if (decoded.method === 'SendMessage' || decoded.method === 'SendStreamingMessage')
      return desk.receive(decoded, user);
    return this.#answer(link, decoded, user);
  }

  async #answer(link: Link, request: DecodedRequest, user: User | undefined): Promise<void> {
    const { method, params, id, reply } = request;
    const isStream = method === 'SubscribeToTask';
    const line = new ReplyLine({ link, logger: this.#logger }, id, reply, isStream);
    const context = SdkBridge.context(request.service, user);
    const call = { method, params: withKnownId(params), context };
    if (!isStream) {
      const answer = await this.#bridge.unary(call);
      if ('error' in answer) line.error(answer.error);
      else line.result(answer.result, context.activatedExtensions);
      return;
    }
    // A subscription writes nothing: the request itself may be acknowledged while its stream goes on.
    void this.#follow(line, call);
  }

  async #follow(line: ReplyLine, call: Parameters<SdkBridge['stream']>[0]): Promise<void> {
    for await (const answer of this.#bridge.stream(call)) {
      if ('error' in answer) line.error(answer.error);
      else await line.item(JSON.stringify(answer.result), call.context.activatedExtensions);
      if (line.isGone) return;
    }
  }

  async #userOf(message: InboundMessage): Promise<User | undefined | 'refused'> {
    const { authenticate } = this.#options;
    if (authenticate === undefined) return undefined;
    try {
      return (await authenticate(message)) ?? 'refused';
    } catch (error) {
      this.#logger.warn('a request could not be authenticated', { error: String(error) });
      return 'refused';
    }
  }
}

/** Task ids compare without regard to case (reference A3); the SDK's stores do not. */
function withKnownId(params: object): object {
  const known = { ...params } as { id?: unknown; taskId?: unknown };
  if (typeof known.id === 'string' && !('url' in params) && !('taskId' in params))
    known.id = normalizeTaskId(known.id);
  if (typeof known.taskId === 'string') known.taskId = normalizeTaskId(known.taskId);
  return known;
}
