import type { Link, Logger, UserProperties } from '@shoal/mqtt-link';
import type {
  AgentAddress,
  ListTasksRequest,
  ListTasksResponse,
  Message,
  StreamResponse,
  Task,
} from '@shoal/protocol';
import type { MessageInput } from '../core/message-input.ts';
import type { RetryProfile } from '../core/retry.ts';
import type { Clock } from './clock.ts';

export interface RequesterOptions {
  /** Its client id need not be the address, but is for an agent that is both requester and responder. */
  readonly link: Link;
  /** Names the reply topic. */
  readonly address: AgentAddress;
  /** Defaults of all calls. */
  readonly retry?: Partial<RetryProfile>;
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
  readonly acceptedOutputModes?: readonly string[];
  /** Messages of history wanted in the answer. Default 0, as the caller has them; `getTask` shows all unless it is set. */
  readonly historyLength?: number;
  /** `params.metadata`. */
  readonly requestMetadata?: Record<string, unknown>;
  /** Seconds until the broker drops the request. Should exceed the first-reply timeout. Unset: never. */
  readonly messageExpirySeconds?: number;
  /** `stream` only: items that may wait for their reader; one more fails the stream. Default 10 000. */
  readonly maxBufferedItems?: number;
}

/** Items in the order of the responder. Ends after a terminal or interrupted state; can be iterated once. */
export interface TaskStream extends AsyncIterable<StreamResponse> {
  /** The id of the task, known before the responder answers. */
  readonly taskId: string;
}

export interface Requester {
  readonly address: AgentAddress;
  /** The task when it ended or asks for input, or a message when the agent makes no task of it. Rejects with A2aError. */
  send(target: AgentAddress, message: MessageInput, options?: CallOptions): Promise<Task | Message>;
  /** The request goes out when iteration starts. Leaving the loop forgets the stream and does not cancel the task. */
  stream(target: AgentAddress, message: MessageInput, options?: CallOptions): TaskStream;
  getTask(
    target: AgentAddress,
    query: { readonly id: string; readonly historyLength?: number },
    options?: CallOptions,
  ): Promise<Task>;
  listTasks(
    target: AgentAddress,
    query?: ListTasksRequest,
    options?: CallOptions,
  ): Promise<ListTasksResponse>;
  cancelTask(target: AgentAddress, query: { readonly id: string }, options?: CallOptions): Promise<Task>;
  /** The stream of a task that runs. */
  subscribe(target: AgentAddress, query: { readonly id: string }, options?: CallOptions): TaskStream;
  /** Fails what is in flight with `closed`. The link stays open. */
  close(): Promise<void>;
}
