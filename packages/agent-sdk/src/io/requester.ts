import type { InboundMessage, Logger } from '@shoal/mqtt-link';
import { createReplyRouter, silentLogger } from '@shoal/mqtt-link';
import type {
  AgentAddress,
  ListTasksRequest,
  ListTasksResponse,
  Message,
  StreamResponse,
  Task,
} from '@shoal/protocol';
import {
  A2A_VERSION,
  USER_PROPERTIES,
  normalizeTaskId,
  replyTopic,
  requestTopic,
  validateListTasksResponse,
  validateTask,
} from '@shoal/protocol';
import type { MessageInput, OutgoingMessage } from '../core/message-input.ts';
import { toMessage } from '../core/message-input.ts';
import { readItem, readReply } from '../core/read-reply.ts';
import type { Reply } from '../core/read-reply.ts';
import type { RetryProfile } from '../core/retry.ts';
import { DEFAULT_RETRY } from '../core/retry.ts';
import { foldItem, taskIdOf } from '../core/stream.ts';
import { isSettled } from '../core/task-record.ts';
import type { A2aError } from '../errors.ts';
import { isA2aError, localError } from '../errors.ts';
import { Call } from './call.ts';
import type { CallIo, CallSpec } from './call.ts';
import { systemClock } from './clock.ts';
import { Correlations } from './correlations.ts';
import type { CallOptions, Requester, RequesterOptions, TaskStream } from './requester-types.ts';
import { StreamReader } from './stream-reader.ts';

export function createRequester(options: RequesterOptions): Requester {
  return new LinkRequester(options);
}

const newId = (): string => crypto.randomUUID();
const DEFAULT_BUFFERED_ITEMS = 10_000;

/** What one reply of a unary call means; undefined: more replies follow. */
type Read<T> = (message: InboundMessage) => Reply<T> | undefined;

class LinkRequester implements Requester {
  readonly address: AgentAddress;
  readonly #io: CallIo;
  readonly #logger: Logger;
  readonly #profile: RetryProfile;
  readonly #calls = new Set<Call>();
  readonly #onProtocolError: RequesterOptions['onProtocolError'];
  readonly #stopListening: (() => void)[];
  readonly #onEnd = (call: Call): void => void this.#calls.delete(call);
  #lastId = 0;
  #closed = false;

  constructor(options: RequesterOptions) {
    this.address = options.address;
    this.#logger = options.logger ?? silentLogger;
    this.#profile = { ...DEFAULT_RETRY, ...options.retry };
    this.#onProtocolError = options.onProtocolError;
    const router = createReplyRouter(options.link, {
      replyTopic: replyTopic(options.address, newId()),
      onUnmatched: (message) => this.#unmatched(message),
    });
    const clock = options.clock ?? systemClock;
    this.#io = { router, correlations: new Correlations(), clock, random: options.random ?? Math.random };
    const failAll = (): void => this.#failAll('the link is closed');
    this.#stopListening = [options.link.on('closed', failAll), options.link.on('fenced', failAll)];
  }

  send(target: AgentAddress, input: MessageInput, options: CallOptions = {}): Promise<Task | Message> {
    return attempt(() => {
      const message = toMessage(input, newId);
      const atOnce = options.returnImmediately === true;
      let folded: Task | undefined;
      const read: Read<Task | Message> = (inbound) => {
        const reply = readItem(inbound);
        if ('error' in reply) return reply;
        const item = reply.value;
        if (item.message !== undefined) return { value: item.message };
        const fault = this.#faultOf(item, message.taskId);
        if (fault !== undefined) return { error: fault };
        folded = foldItem(folded, item);
        return folded !== undefined && (atOnce || isSettled(folded.status.state))
          ? { value: folded }
          : undefined;
      };
      const params = sendParams(message, options);
      return this.#unary(target, 'SendMessage', params, options, read, message.taskId);
    });
  }

  stream(target: AgentAddress, input: MessageInput, options: CallOptions = {}): TaskStream {
    const message = toMessage(input, newId);
    return this.#reader(
      target,
      'SendStreamingMessage',
      sendParams(message, options),
      options,
      message.taskId,
    );
  }

  subscribe(target: AgentAddress, query: { readonly id: string }, options: CallOptions = {}): TaskStream {
    return this.#reader(target, 'SubscribeToTask', { id: query.id }, options, query.id);
  }

  getTask(
    target: AgentAddress,
    query: { readonly id: string; readonly historyLength?: number },
    options: CallOptions = {},
  ): Promise<Task> {
    const historyLength = query.historyLength ?? options.historyLength;
    const params = { id: query.id, ...(historyLength === undefined ? {} : { historyLength }) };
    return attempt(() =>
      this.#unary(target, 'GetTask', params, options, (inbound) => readReply(inbound, validateTask)),
    );
  }

  listTasks(
    target: AgentAddress,
    query: ListTasksRequest = {},
    options: CallOptions = {},
  ): Promise<ListTasksResponse> {
    const read: Read<ListTasksResponse> = (inbound) => readReply(inbound, validateListTasksResponse);
    return attempt(() => this.#unary(target, 'ListTasks', query, options, read));
  }

  cancelTask(target: AgentAddress, query: { readonly id: string }, options: CallOptions = {}): Promise<Task> {
    const { requestMetadata: metadata } = options;
    const params = { id: query.id, ...(metadata === undefined ? {} : { metadata }) };
    return attempt(() =>
      this.#unary(target, 'CancelTask', params, options, (inbound) => readReply(inbound, validateTask)),
    );
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const stop of this.#stopListening) stop();
    this.#failAll('the requester is closed');
    await this.#io.router.close();
  }

  /** `taskId` makes it a call that outlives silence: once something was heard, GetTask tells what became of the task. */
  #unary<T>(
    target: AgentAddress,
    method: string,
    params: object,
    options: CallOptions,
    read: Read<T | Task>,
    taskId?: string,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (reply: Reply<T | Task>): void =>
        'error' in reply ? reject(reply.error) : resolve(reply.value as T);
      const call = this.#call(target, method, params, options, {
        onReply: (message) => {
          const reply = read(message);
          if (reply !== undefined) settle(reply);
          return reply !== undefined;
        },
        onFailure: reject,
        ...(taskId === undefined
          ? {}
          : { onSilence: () => void this.#recover(target, taskId, options, call, settle) }),
      });
      call.start();
    });
  }

  #reader(
    target: AgentAddress,
    method: string,
    params: object,
    options: CallOptions,
    taskId: string,
  ): TaskStream {
    return new StreamReader({
      taskId,
      capacity: options.maxBufferedItems ?? DEFAULT_BUFFERED_ITEMS,
      subscribes: method === 'SubscribeToTask',
      faultOf: (item) => this.#faultOf(item, taskId),
      open: (handlers) => this.#call(target, method, params, options, handlers),
      recover: (call, settle, always) => void this.#recover(target, taskId, options, call, settle, always),
    });
  }

  /** A stream fell silent: the task itself tells whether it goes on (profile: Retry 10). */
  async #recover(
    target: AgentAddress,
    taskId: string,
    options: CallOptions,
    call: Call,
    settle: (reply: Reply<Task>) => void,
    always?: (task: Task) => void,
  ): Promise<void> {
    const { signal, firstReplyTimeoutMs, maxAttempts, historyLength = 0 } = options;
    try {
      const task = await this.getTask(
        target,
        { id: taskId, historyLength },
        {
          ...(signal === undefined ? {} : { signal }),
          ...(firstReplyTimeoutMs === undefined ? {} : { firstReplyTimeoutMs }),
          ...(maxAttempts === undefined ? {} : { maxAttempts }),
        },
      );
      if (call.ended) return;
      if (!isSettled(task.status.state)) {
        always?.(task);
        return call.recovered();
      }
      call.end();
      settle({ value: task });
    } catch (cause) {
      if (call.ended) return;
      call.end();
      settle({ error: silenceError(cause) });
    }
  }

  #call(
    target: AgentAddress,
    method: string,
    params: object,
    options: CallOptions,
    handlers: Pick<CallSpec, 'onReply' | 'onFailure' | 'onSilence'>,
  ): Call {
    if (this.#closed) throw localError('closed', 'the requester is closed');
    const { signal, firstReplyTimeoutMs, messageExpirySeconds } = options;
    const profile = this.#profileOf(options);
    if (
      messageExpirySeconds !== undefined &&
      messageExpirySeconds * 1000 <= (firstReplyTimeoutMs ?? profile.firstReplyTimeoutMs)
    ) {
      this.#logger.warn(
        'the message expiry does not exceed the first-reply timeout: a retry may be all that arrives',
        {
          messageExpirySeconds,
        },
      );
    }
    const request = {
      topic: requestTopic(target),
      payload: JSON.stringify({ jsonrpc: '2.0', id: (this.#lastId += 1), method, params }),
      userProperties: { [USER_PROPERTIES.version]: A2A_VERSION, ...options.userProperties },
      messageExpirySeconds,
    };
    const call = new Call(this.#io, { request, profile, signal, ...handlers }, this.#onEnd);
    this.#calls.add(call);
    return call;
  }

  #profileOf(options: CallOptions): RetryProfile {
    const { firstReplyTimeoutMs, idleTimeoutMs, maxAttempts } = options;
    if (firstReplyTimeoutMs === undefined && idleTimeoutMs === undefined && maxAttempts === undefined)
      return this.#profile;
    return {
      ...this.#profile,
      ...(firstReplyTimeoutMs === undefined ? {} : { firstReplyTimeoutMs }),
      ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
      ...(maxAttempts === undefined ? {} : { maxAttempts }),
    };
  }

  #faultOf(item: StreamResponse, taskId: string): A2aError | undefined {
    const named = taskIdOf(item);
    if (named === undefined || normalizeTaskId(named) === normalizeTaskId(taskId)) return undefined;
    return localError('invalid-response', `the responder answered for task ${named} instead of ${taskId}`);
  }

  #unmatched(message: InboundMessage): void {
    const { topic, correlationData } = message;
    if (correlationData !== undefined && this.#io.correlations.isOurs(correlationData)) {
      return this.#logger.debug('a reply came after its call had ended', { topic });
    }
    const reason =
      correlationData === undefined
        ? 'reply without Correlation Data'
        : 'reply with unknown Correlation Data';
    this.#logger.warn(`${reason}: ignored`, { topic });
    this.#onProtocolError?.({ reason, topic });
    return undefined;
  }

  #failAll(why: string): void {
    for (const call of this.#calls) call.fail(localError('closed', why));
  }
}

function sendParams(message: OutgoingMessage, options: CallOptions): object {
  const { acceptedOutputModes, historyLength = 0, returnImmediately, requestMetadata } = options;
  // JSON leaves out what is undefined.
  return {
    message,
    configuration: {
      historyLength,
      acceptedOutputModes,
      returnImmediately: returnImmediately === true ? true : undefined,
    },
    metadata: requestMetadata,
  };
}

/** Mistakes of the caller reject like everything else. */
function attempt<T>(work: () => Promise<T>): Promise<T> {
  try {
    return work();
  } catch (error) {
    return Promise.reject(error);
  }
}

function silenceError(cause: unknown): A2aError {
  if (isA2aError(cause) && cause.code !== 'timeout' && cause.code !== 'no-responder') return cause;
  return localError('stream-idle', 'the responder fell silent and does not answer GetTask', {
    cause,
    retryable: true,
  });
}
