import { Message as SdkMessage, Task as SdkTask } from '@a2a-js/sdk';
import type { ServerCallContext, TaskStore, User } from '@a2a-js/sdk/server';
import type { DecodedRequest } from '@shoal/agent-sdk';
import type { Link, Logger } from '@shoal/mqtt-link';
import type { JsonRpcError, StreamResponse, Task, TaskState } from '@shoal/protocol';
import {
  a2aError,
  bindingError,
  invalidParams,
  isTerminal,
  jsonRpcError,
  normalizeTaskId,
} from '@shoal/protocol';
import { Admission } from '../core/admission.ts';
import { RememberedAnswers } from '../core/remembered-answers.ts';
import { Operation } from './operation.ts';
import { ReplyLine } from './reply-lines.ts';
import { SdkBridge } from './sdk-bridge.ts';

export type SendRequest = Extract<DecodedRequest, { method: 'SendMessage' | 'SendStreamingMessage' }>;

export interface SendDeskOptions {
  readonly link: Link;
  readonly logger: Logger;
  readonly bridge: SdkBridge;
  /** The agent's own, without admitted tasks. */
  readonly store: TaskStore;
  /** Messages that are worked on at once; one more is answered responder_unavailable. */
  readonly maxRunning: number;
}

/** Message-only answers that are kept for retries. */
const REMEMBERED = 1_000;

/**
 * Takes messages in front of the SDK's handler: the same message twice runs once, and its retry hears what the first one hears (profile: Retry
 * 4 and 5). The handler would answer a retry of what has ended with -32004.
 */
export class SendDesk {
  readonly #options: SendDeskOptions;
  readonly #operations = new Map<string, Operation>();
  readonly #remembered = new RememberedAnswers(REMEMBERED);
  #stopping = false;
  #onIdle: (() => void) | undefined;

  constructor(options: SendDeskOptions) {
    this.#options = options;
  }

  /** From now on every new message is answered responder_unavailable. Resolves when nothing runs any more, or when the time is up. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    if (this.#operations.size === 0 || graceMs === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, graceMs);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Resolves when the message may be acknowledged: its task is stored, or it is answered. Never rejects. */
  async receive(request: SendRequest, user: User | undefined): Promise<void> {
    const key = normalizeTaskId(request.taskId);
    const line = new ReplyLine(
      this.#options,
      request.id,
      request.reply,
      request.method === 'SendStreamingMessage',
    );
    const { messageId, contextId } = request.params.message;
    const known = this.#operations.get(key);
    if (known?.rested === false) {
      if (known.messageId === messageId) return known.attach(line);
      return line.error(this.#isMismatch(known.contextId, contextId) ?? atWork(key));
    }
    if (this.#stopping || this.#operations.size >= this.#options.maxRunning) {
      return line.error(
        bindingError('responder_unavailable', 'the agent has its hands full; send it again later'),
      );
    }
    const operation = new Operation(messageId, contextId);
    this.#operations.set(key, operation);
    operation.attach(line);
    try {
      await this.#begin(key, operation, request, SdkBridge.context(request.service, user));
    } catch (error) {
      this.#options.logger.error('a message could not be handled', { taskId: key, error: String(error) });
      operation.fail(jsonRpcError('InternalError', 'the agent could not handle the request'));
      this.#forget(key, operation);
    }
    return undefined;
  }

  async #begin(
    key: string,
    operation: Operation,
    request: SendRequest,
    context: ServerCallContext,
  ): Promise<void> {
    const { message } = request.params;
    const remembered = this.#remembered.get(`${key}/${message.messageId}`);
    if (remembered !== undefined) return this.#end(key, operation, { result: remembered }, context);
    const stored = await this.#options.store.load(key, context);
    const task = stored === undefined ? undefined : (SdkTask.toJSON(stored) as Task);
    if (task !== undefined) {
      const refusal = this.#isMismatch(task.contextId, message.contextId);
      if (refusal !== undefined) return this.#end(key, operation, { error: refusal }, context);
      if (task.history?.some(({ messageId }) => messageId === message.messageId) === true)
        return this.#end(key, operation, { result: { task: withHistory(task, request) } }, context);
      if (isRunning(task.status.state)) return this.#end(key, operation, { error: atWork(key) }, context);
    } else if (request.service.taskIntent === 'continue') {
      const error = a2aError('TaskNotFound', `task ${key} is not known here`);
      return this.#end(key, operation, { error }, context);
    }
    if (request.expiresAtMs !== undefined && performance.now() > request.expiresAtMs) {
      const error = bindingError('request_expired', 'the message expiry of the request has passed');
      return this.#end(key, operation, { error }, context);
    }
    return this.#run(key, operation, request, context, task === undefined);
  }

  /** Resolves when the task is stored or the agent is done with the message, whichever comes first. */
  #run(
    key: string,
    operation: Operation,
    request: SendRequest,
    context: ServerCallContext,
    isNew: boolean,
  ): Promise<void> {
    const message = { ...request.params.message, taskId: key };
    const params = { ...request.params, message };
    return new Promise((resolve) => {
      if (isNew) {
        const contextId = message.contextId ?? crypto.randomUUID();
        new Admission(SdkMessage.fromJSON(message), contextId, new Date().toISOString(), resolve).grant(
          context,
        );
      }
      const call = { method: request.method, params, context };
      const work =
        request.method === 'SendMessage'
          ? this.#answer(key, operation, call)
          : this.#stream(key, operation, call);
      void work.finally(resolve);
    });
  }

  async #answer(key: string, operation: Operation, call: Parameters<SdkBridge['unary']>[0]): Promise<void> {
    const answer = await this.#options.bridge.unary(call);
    if ('result' in answer) this.#rememberMessage(key, operation, answer.result);
    this.#end(key, operation, answer, call.context);
  }

  /**
   * Reads the SDK's stream to its end, whoever listens: the SDK stores the task while it is read. Past an interrupted state nobody
   * listens, and the next message may come while this goes on (AUTH_REQUIRED keeps the SDK's stream open).
   */
  async #stream(key: string, operation: Operation, call: Parameters<SdkBridge['stream']>[0]): Promise<void> {
    for await (const answer of this.#options.bridge.stream(call)) {
      if ('error' in answer) operation.fail(answer.error);
      else {
        this.#rememberMessage(key, operation, answer.result);
        await operation.emit(answer.result as StreamResponse, call.context.activatedExtensions);
      }
    }
    if (operation.isHeard) operation.fail(jsonRpcError('InternalError', 'the agent ended without an answer'));
    this.#forget(key, operation);
  }

  #rememberMessage(key: string, { messageId }: Operation, result: unknown): void {
    if (typeof result === 'object' && result !== null && 'message' in result)
      this.#remembered.remember(`${key}/${messageId}`, result);
  }

  #end(
    key: string,
    operation: Operation,
    answer: { readonly result: unknown } | { readonly error: JsonRpcError },
    context: ServerCallContext,
  ): void {
    if ('error' in answer) operation.fail(answer.error);
    else operation.answer(answer.result as StreamResponse, context.activatedExtensions);
    this.#forget(key, operation);
  }

  #forget(key: string, operation: Operation): void {
    if (this.#operations.get(key) === operation) this.#operations.delete(key);
    if (this.#operations.size === 0) this.#onIdle?.();
  }

  /** Before the SDK looks: on a task that has ended it would say -32004, where the binding wants -32602. */
  #isMismatch(stored: string | undefined, given: string | undefined): JsonRpcError | undefined {
    if (stored === undefined || stored === '' || given === undefined || given === stored) return undefined;
    const field = 'message.contextId';
    return invalidParams(
      [{ field, message: 'is not the context of this task' }],
      `${field} is not the context of this task`,
    );
  }
}

/** What the SDK would do to the task for this request. */
function withHistory(task: Task, { params }: SendRequest): Task {
  const historyLength = params.configuration?.historyLength;
  if (historyLength === undefined || task.history === undefined) return task;
  return { ...task, history: historyLength === 0 ? [] : task.history.slice(-historyLength) };
}

function isRunning(state: TaskState): boolean {
  return !isTerminal(state) && state !== 'TASK_STATE_INPUT_REQUIRED' && state !== 'TASK_STATE_AUTH_REQUIRED';
}

function atWork(taskId: string): JsonRpcError {
  return a2aError('UnsupportedOperation', `task ${taskId} is at work: only a task that asks takes messages`);
}
