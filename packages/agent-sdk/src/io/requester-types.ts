import type { Context } from '@opentelemetry/api';
import type { Link, Logger, UserProperties } from '@shoal/mqtt-link';
import type {
  AgentAddress,
  AgentCard,
  ListTaskPushNotificationConfigsResponse,
  ListTasksRequest,
  ListTasksResponse,
  Message,
  StreamResponse,
  Task,
  TaskPushNotificationConfig,
} from '@shoal/protocol';
import type { AgentDirectory } from '../core/choose-agent.ts';
import type { MessageInput } from '../core/message-input.ts';
import type { RetryProfile } from '../core/retry.ts';
import type { Target } from '../core/target.ts';
import type { PayloadProtection } from '../core/protection.ts';
import type { TokenSource } from './call-security.ts';
import type { Clock } from './clock.ts';
import type { TaskRoutes } from './task-routes.ts';

export interface RequesterOptions {
  /** Its client id need not be the address, but is for an agent that is both requester and responder. */
  readonly link: Link;
  /** Names the reply topic. */
  readonly address: AgentAddress;
  /** Defaults of all calls. */
  readonly retry?: Partial<RetryProfile>;
  /** Where agents are looked up when a call selects one by skill, tag or text. */
  readonly directory?: AgentDirectory;
  /** Remembers which agent has which task. Default `memoryTaskRoutes()`. */
  readonly routes?: TaskRoutes;
  /** Access tokens for the requests: sent over TLS only, asked for before each attempt. Default: none. */
  readonly token?: TokenSource;
  /** Tokens may also go to a broker on this machine without TLS. Default false. For development. */
  readonly allowTokenOnLoopback?: boolean;
  /** Every request and reply is encrypted; `ubsp` of `@shoal/agent-sdk/security`. Default: none. */
  readonly encryption?: PayloadProtection;
  readonly clock?: Clock;
  /** 0 to 1; jitters the waits. Default `Math.random`. */
  readonly random?: () => number;
  readonly logger?: Logger;
  /** A reply that belongs to no call, or that is not a reply at all. It is ignored besides. */
  readonly onProtocolError?: (problem: { readonly reason: string; readonly topic: string }) => void;
}

export interface CallOptions {
  /** Gives the call up. The task goes on; `cancelTask` stops it. */
  readonly signal?: AbortSignal;
  /** Default 15 000. A blocking `send` to an agent that thinks for longer needs more, or `stream`. */
  readonly firstReplyTimeoutMs?: number;
  /** Default 30 000. */
  readonly idleTimeoutMs?: number;
  /** Default 3. 1 never sends again. */
  readonly maxAttempts?: number;
  /** `send` only: answer with the task as soon as it is taken. Default false: when it ended or asks for input. */
  readonly returnImmediately?: boolean;
  /** Further user properties of the request; names should start with `a2a-`. */
  readonly userProperties?: UserProperties;
  /** The access token of this call, in place of the requester's: for an agent that acts for somebody. */
  readonly token?: string | TokenSource;
  /**
   * OpenTelemetry context whose span is the parent of this call. Default: the active one, which an SDK for Node keeps through promises; in a
   * browser pass `task.traceContext`.
   */
  readonly traceContext?: Context;
  /**
   * `stream` and `subscribe`: `binary` asks for artifacts as bytes instead of base64 in JSON. Each is one item all the same, when all of it is
   * there. The agent may not be able to; then it sends JSON. Not with encryption. Default `json`.
   */
  readonly artifactMode?: 'json' | 'binary';
  /** Bytes that incomplete artifacts of a stream may hold; more fails it with `artifact-too-large`. Default 16 777 216. */
  readonly maxArtifactBytes?: number;
  readonly acceptedOutputModes?: readonly string[];
  /** Messages of history wanted in the answer. Default 0, as the caller has them; `getTask` shows all unless it is set. */
  readonly historyLength?: number;
  /** `params.tenant`: what the agent's card sets for the interface (A2A §4.4.6). */
  readonly tenant?: string;
  /** `params.metadata`. */
  readonly requestMetadata?: Record<string, unknown>;
  /** Seconds until the broker drops the request. Should exceed the first-reply timeout. Unset: never. */
  readonly messageExpirySeconds?: number;
  /** `send` and `stream`: where the agent is to POST the updates of the task. */
  readonly pushNotification?: Omit<TaskPushNotificationConfig, 'taskId'>;
  /**
   * `stream` only: items that may wait for their reader. Beyond it items are left out, and when the reader has caught up by half it
   * gets the whole task as GetTask shows it then, in their place. Default 10 000.
   */
  readonly maxBufferedItems?: number;
}

/** Items in the order of the responder. Ends after a terminal or interrupted state; can be iterated once. */
export interface TaskStream extends AsyncIterable<StreamResponse> {
  /** The id of the task, known before the responder answers. */
  readonly taskId: string;
  /** Items that were left out so far, because the reader was too slow or they were lost. A `task` item stands for them. */
  readonly skipped: number;
}

/**
 * Every call takes an agent, a pool or a selection. What is about a task goes to the agent that is known to have it, whatever the
 * target says: the pool member that took it, the agent that was selected, or the one that it was handed over to.
 */
export interface Requester {
  readonly address: AgentAddress;
  /** The task when it ended or asks for input, or a message when the agent makes no task of it. Rejects with A2aError. */
  send(target: Target, message: MessageInput, options?: CallOptions): Promise<Task | Message>;
  /** The request goes out when iteration starts. Leaving the loop forgets the stream and does not cancel the task. */
  stream(target: Target, message: MessageInput, options?: CallOptions): TaskStream;
  /** The task as its responder has it. `historyLength`: at most so many messages of its history, 0: none; unset: all that it keeps. */
  getTask(
    target: Target,
    query: { readonly id: string; readonly historyLength?: number },
    options?: CallOptions,
  ): Promise<Task>;
  listTasks(target: Target, query?: ListTasksRequest, options?: CallOptions): Promise<ListTasksResponse>;
  /** Asks to end it: the task as the responder leaves it. Rejects with A2aError when it has ended already. */
  cancelTask(target: Target, query: { readonly id: string }, options?: CallOptions): Promise<Task>;
  /** The stream of a task that runs. */
  subscribe(target: Target, query: { readonly id: string }, options?: CallOptions): TaskStream;
  /** Asks for the updates of a task by HTTP POST. Returns the configuration with its id. */
  createPushConfig(
    target: Target,
    config: TaskPushNotificationConfig & { readonly taskId: string },
    options?: CallOptions,
  ): Promise<TaskPushNotificationConfig>;
  getPushConfig(
    target: Target,
    query: { readonly taskId: string; readonly id: string },
    options?: CallOptions,
  ): Promise<TaskPushNotificationConfig>;
  listPushConfigs(
    target: Target,
    query: { readonly taskId: string; readonly pageSize?: number; readonly pageToken?: string },
    options?: CallOptions,
  ): Promise<ListTaskPushNotificationConfigsResponse>;
  /** Deleting what is not there is fine. */
  deletePushConfig(
    target: Target,
    query: { readonly taskId: string; readonly id: string },
    options?: CallOptions,
  ): Promise<void>;
  /** The card that the agent shows to those whom it knows. */
  getExtendedCard(target: Target, options?: CallOptions): Promise<AgentCard>;
  /** Fails what is in flight with `closed`. The link stays open. */
  close(): Promise<void>;
}
