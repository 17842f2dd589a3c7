import type { Link, LinkOptions, Logger } from '@shoal/mqtt-link';
import type { AgentAddress, AgentCard, Task } from '@shoal/protocol';
import type { CardInput } from '../core/card.ts';
import type { MaybePromise } from '../core/keyed-lock.ts';
import type { PushProfile } from '../core/push-retry.ts';
import type { RetryProfile } from '../core/retry.ts';
import type { PayloadProtection, TokenValidator } from '../core/protection.ts';
import type { SkillHandler } from '../core/skill-handler.ts';
import type { ArtifactOptions } from './artifact-store.ts';
import type { TokenSource } from './call-security.ts';
import type { Clock } from './clock.ts';
import type { PoolMode } from './pools.ts';
import type { Requester } from './requester-types.ts';
import type { PushTransport } from './push-transport.ts';
import type { ExtendedCardRequest } from './responder.ts';
import type { TaskContext, TaskHandler } from './task-context.ts';
import type { TaskStore } from './task-store.ts';
import type { Unfinished } from './task-runner.ts';

export interface AgentOptions {
  /** Broker to connect to. Either this or `link`. */
  readonly url?: string;
  /** A link that someone else opened and closes, with client id `org/unit/agentId` and, for presence, `cardWill` as its will. */
  readonly link?: Link;
  /** The broker's URL as the card names it, without credentials. Default `url`; a `link` does not say where it leads. */
  readonly publicUrl?: string;
  readonly org: string;
  readonly unit: string;
  /** Not `pool`. */
  readonly agentId: string;
  readonly card: CardInput;
  /**
   * Ids of pools in the same unit: requests to a pool go to one of its members. On a broker that does not deliver shared subscriptions
   * of `$a2a` topics the members agree among themselves, which is found out and logged at the start.
   */
  readonly pools?: readonly string[];
  /** Runs once for each message. What it returns completes the task; what it throws fails the task. */
  readonly handle?: TaskHandler;
  /**
   * Skills with schemas, from `defineSkill` of `@shoal/agent-sdk/skills`: they carry out the messages that name them in
   * `message.metadata.skill`, and are listed in the card. Give these, or `handle`, or both: then `handle` gets what names no skill.
   */
  readonly skills?: readonly SkillHandler<TaskContext>[];
  /** What becomes of large artifacts, and of those in the binary mode. */
  readonly artifacts?: ArtifactOptions;
  /** Every request must carry an access token; `bearerTokens` of `@shoal/agent-sdk/security`. Default: none is looked at. */
  readonly auth?: TokenValidator;
  /** Every request and reply is encrypted, in both directions; `ubsp` of `@shoal/agent-sdk/security`. Default: none. */
  readonly encryption?: PayloadProtection;
  /** Access tokens for the calls that this agent makes. */
  readonly token?: TokenSource;
  /** Those tokens may also go to a broker on this machine without TLS. Default false. For development. */
  readonly allowTokenOnLoopback?: boolean;
  /** Signs the card before it is published, for example with `signCard` of `@shoal/protocol/signing`. Default: unsigned. */
  readonly signCard?: (card: AgentCard) => Promise<AgentCard>;
  /** Default `memoryTaskStore()`. */
  readonly tasks?: TaskStore;
  /** Handlers that run at once. Default 4. */
  readonly concurrency?: number;
  /** Tasks that wait for a handler; one more is answered -32004 responder_unavailable. Default 64. */
  readonly maxQueued?: number;
  /** A handler that runs longer fails its task. Default 3 600 000; 0: no limit. */
  readonly taskTimeoutMs?: number;
  /**
   * Seconds after which a context in which nothing happens is forgotten with its tasks, questions without an answer included; the card
   * says it. Default 86 400; 0: never.
   */
  readonly contextExpirySeconds?: number;
  /** What becomes of a task that a predecessor left unfinished. Default: `fail`. */
  readonly onOrphan?: (task: Task) => MaybePromise<'fail' | 'restart'>;
  /** Sends push notifications, for example `httpPush()` of `@shoal/agent-sdk/push`. Unset: requests for them are declined. */
  readonly push?: PushTransport;
  readonly pushProfile?: Partial<PushProfile>;
  /**
   * The card for those whom the agent knows better (A2A §3.1.11); who asks is for it to judge. Undefined as its result is answered
   * -32007. Unset: requests for it are declined.
   */
  readonly extendedCard?: (request: ExtendedCardRequest) => MaybePromise<CardInput | undefined>;
  readonly username?: string;
  readonly password?: string;
  readonly reconnect?: LinkOptions['reconnect'];
  /** Further options of the agent's own link. */
  readonly linkOptions?: Partial<
    Omit<LinkOptions, 'url' | 'clientId' | 'will' | 'username' | 'password' | 'reconnect' | 'logger'>
  >;
  /** User properties of CONNECT. */
  readonly extraUserProperties?: Readonly<Record<string, string>>;
  /** Defaults of the calls that this agent makes. */
  readonly retry?: Partial<RetryProfile>;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

export interface StopOptions {
  /** How long running handlers may take to end by themselves. Default 5 000. */
  readonly graceMs?: number;
  /**
   * What happens to those that do not. Default `cancel`: they end as CANCELED. `hand-back`: as if they had never come, and their
   * requesters are told to send them again (-32004 responder_unavailable), to a successor or another member of the pool; for handlers
   * whose work may be begun twice.
   */
  readonly unfinished?: Unfinished;
  /** Takes the card off the broker, for an agent that will not come back. Default false: the card stays and says offline. */
  readonly unregister?: boolean;
}

export interface Agent {
  readonly address: AgentAddress;
  /** The card as published; complete after `start`. */
  readonly card: AgentCard;
  /** Throws A2aError `closed` before `start`. */
  readonly link: Link;
  /** Calls other agents over the agent's own connection. */
  readonly requester: Requester;
  /** How the members of its pools share requests; undefined before `start`, and without pools. */
  readonly poolMode: PoolMode | undefined;
  /** Handlers that run now. */
  readonly running: number;
  /** Resolves when requests are answered and the card is registered. */
  start(): Promise<void>;
  /** Refuses new work, ends or cancels what runs, says offline, disconnects. Stopping twice is fine. */
  stop(options?: StopOptions): Promise<void>;
  /** Publishes a changed card. The will keeps the old one until the next connection (profile: LWT 7). */
  updateCard(patch: Partial<CardInput>): Promise<void>;
}
