import type { Link } from '@shoal/mqtt-link';
import type {
  AgentAddress,
  AgentCard,
  ListTaskPushNotificationConfigsResponse,
  ListTasksRequest,
  ListTasksResponse,
  Message,
  MethodName,
  StreamResponse,
  Task,
  TaskPushNotificationConfig,
} from '@shoal/protocol';
import {
  clientIdOf,
  normalizeTaskId,
  validateAgentCard,
  validateListTaskPushNotificationConfigsResponse,
  validateListTasksResponse,
  validateTask,
  validateTaskPushNotificationConfig,
} from '@shoal/protocol';
import type { Validation } from '@shoal/protocol';
import type { MessageInput } from '../core/message-input.ts';
import { toMessage } from '../core/message-input.ts';
import type { Reply } from '../core/read-reply.ts';
import { readItem, readReply } from '../core/read-reply.ts';
import { sendParams } from '../core/send-params.ts';
import { foldItem, taskIdOf } from '../core/stream.ts';
import type { Target } from '../core/target.ts';
import { isSettled } from '../core/task-record.ts';
import type { A2aError } from '../errors.ts';
import { isA2aError, localError } from '../errors.ts';
import type { Call } from './call.ts';
import type { Read } from './calls.ts';
import { Calls } from './calls.ts';
import type { CallOptions, Requester, RequesterOptions, TaskStream } from './requester-types.ts';
import { StreamReader } from './stream-reader.ts';

/** Does no I/O before its first call. Throws TypeError when `link` is none. The link stays with its owner: close the requester first. */
export function createRequester(options: RequesterOptions): Requester {
  return new LinkRequester(options);
}

const newId = (): string => crypto.randomUUID();
const DEFAULT_BUFFERED_ITEMS = 10_000;
const DEFAULT_ARTIFACT_BYTES = 16_777_216;

class LinkRequester implements Requester {
  readonly address: AgentAddress;
  readonly #calls: Calls;

  constructor(options: RequesterOptions) {
    if (typeof (options.link as Partial<Link> | undefined)?.publish !== 'function') {
      throw new TypeError(
        'link must be an open link: write `link: await openLink(…)`, or take `agent.requester`',
      );
    }
    clientIdOf(options.address);
    this.address = options.address;
    this.#calls = new Calls(options, newId);
  }

  send(target: Target, input: MessageInput, options: CallOptions = {}): Promise<Task | Message> {
    return attempt(() => {
      const message = toMessage(input, newId);
      const { taskId } = message;
      const operation = {
        target,
        method: 'SendMessage',
        params: sendParams(message, options),
        options,
        taskId,
      } as const;
      const read = readAnswer(taskId, options.returnImmediately === true);
      return this.#calls.unary(
        operation,
        read,
        (call, settle, softly) => void this.#recover(target, taskId, options, { call, settle, softly }),
      );
    });
  }

  stream(target: Target, input: MessageInput, options: CallOptions = {}): TaskStream {
    const message = toMessage(input, newId);
    return this.#reader(
      target,
      'SendStreamingMessage',
      sendParams(message, options),
      options,
      message.taskId,
    );
  }

  subscribe(target: Target, query: { readonly id: string }, options: CallOptions = {}): TaskStream {
    return this.#reader(target, 'SubscribeToTask', { id: query.id }, options, query.id);
  }

  getTask(
    target: Target,
    query: { readonly id: string; readonly historyLength?: number },
    options: CallOptions = {},
  ): Promise<Task> {
    const historyLength = query.historyLength ?? options.historyLength;
    const params = { id: query.id, ...(historyLength === undefined ? {} : { historyLength }) };
    return this.#ask(target, 'GetTask', params, options, validateTask, query.id);
  }

  listTasks(
    target: Target,
    query: ListTasksRequest = {},
    options: CallOptions = {},
  ): Promise<ListTasksResponse> {
    return this.#ask(target, 'ListTasks', query, options, validateListTasksResponse);
  }

  cancelTask(target: Target, query: { readonly id: string }, options: CallOptions = {}): Promise<Task> {
    const { requestMetadata: metadata } = options;
    const params = { id: query.id, ...(metadata === undefined ? {} : { metadata }) };
    return this.#ask(target, 'CancelTask', params, options, validateTask, query.id);
  }

  createPushConfig(
    target: Target,
    config: TaskPushNotificationConfig & { readonly taskId: string },
    options: CallOptions = {},
  ): Promise<TaskPushNotificationConfig> {
    const method = 'CreateTaskPushNotificationConfig';
    return this.#ask(target, method, config, options, validateTaskPushNotificationConfig, config.taskId);
  }

  getPushConfig(
    target: Target,
    query: { readonly taskId: string; readonly id: string },
    options: CallOptions = {},
  ): Promise<TaskPushNotificationConfig> {
    const method = 'GetTaskPushNotificationConfig';
    return this.#ask(target, method, query, options, validateTaskPushNotificationConfig, query.taskId);
  }

  listPushConfigs(
    target: Target,
    query: { readonly taskId: string; readonly pageSize?: number; readonly pageToken?: string },
    options: CallOptions = {},
  ): Promise<ListTaskPushNotificationConfigsResponse> {
    const validate = validateListTaskPushNotificationConfigsResponse;
    return this.#ask(target, 'ListTaskPushNotificationConfigs', query, options, validate, query.taskId);
  }

  async deletePushConfig(
    target: Target,
    query: { readonly taskId: string; readonly id: string },
    options: CallOptions = {},
  ): Promise<void> {
    // Null by a2a-js, `{}` by the specification: both are nothing.
    const validate = (): Validation<undefined> => ({ ok: true, value: undefined });
    const method = 'DeleteTaskPushNotificationConfig';
    await this.#ask(target, method, query, options, validate, query.taskId);
  }

  getExtendedCard(target: Target, options: CallOptions = {}): Promise<AgentCard> {
    return this.#ask(target, 'GetExtendedAgentCard', {}, options, validateAgentCard);
  }

  close(): Promise<void> {
    return this.#calls.close();
  }

  #ask<T>(
    target: Target,
    method: MethodName,
    params: object,
    options: CallOptions,
    validate: (value: unknown) => Validation<T>,
    taskId?: string,
  ): Promise<T> {
    return attempt(() =>
      this.#calls.unary({ target, method, params, options, taskId }, (message) =>
        readReply(message, validate),
      ),
    );
  }

  #reader(
    target: Target,
    method: 'SendStreamingMessage' | 'SubscribeToTask',
    params: object,
    options: CallOptions,
    taskId: string,
  ): TaskStream {
    return new StreamReader({
      taskId,
      capacity: options.maxBufferedItems ?? DEFAULT_BUFFERED_ITEMS,
      maxArtifactBytes: options.maxArtifactBytes ?? DEFAULT_ARTIFACT_BYTES,
      subscribes: method === 'SubscribeToTask',
      faultOf: (item) => faultOf(item, taskId),
      open: (handlers) => this.#calls.open({ target, method, params, options, taskId }, handlers),
      recover: (call, settle, running, softly) =>
        void this.#recover(target, taskId, options, { call, settle, running, softly }),
    });
  }

  /** A stream fell silent, or may have lost something: the task itself tells whether it goes on (profile: Retry 10). */
  async #recover(
    target: Target,
    taskId: string,
    options: CallOptions,
    { call, settle, running, softly }: Recovery,
  ): Promise<void> {
    const { idleTimeoutMs: _, returnImmediately: __, requestMetadata: ___, ...same } = options;
    try {
      const historyLength = options.historyLength ?? 0;
      const task = await this.getTask(target, { id: taskId, historyLength }, same);
      if (call.ended) return;
      if (!isSettled(task.status.state)) {
        running?.(task);
        return softly ? undefined : call.recovered();
      }
      call.end();
      settle({ value: task });
    } catch (cause) {
      // Silence will tell whether anybody is there.
      if (call.ended || softly) return;
      const error = silenceError(cause);
      call.telemetry?.failed(error.code);
      call.end();
      settle({ error });
    }
  }
}

interface Recovery {
  readonly call: Call;
  readonly settle: (reply: Reply<Task>) => void;
  readonly running?: (task: Task) => void;
  /** The stream goes on when the task cannot be read. */
  readonly softly: boolean;
}

/** The one reply of SendMessage; the items of a peer that streams all the same are folded into it. */
function readAnswer(taskId: string, atOnce: boolean): Read<Task | Message> {
  let folded: Task | undefined;
  return (inbound) => {
    const reply = readItem(inbound);
    if ('error' in reply) return reply;
    const item = reply.value;
    if (item.message !== undefined) return { value: item.message };
    const fault = faultOf(item, taskId);
    if (fault !== undefined) return { error: fault };
    folded = foldItem(folded, item);
    return folded !== undefined && (atOnce || isSettled(folded.status.state)) ? { value: folded } : undefined;
  };
}

function faultOf(item: StreamResponse, taskId: string): A2aError | undefined {
  const named = taskIdOf(item);
  if (named === undefined || normalizeTaskId(named) === normalizeTaskId(taskId)) return undefined;
  return localError('invalid-response', `the responder answered for task ${named} instead of ${taskId}`);
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
