import type { InboundMessage, Link, Logger } from '@shoal/mqtt-link';
import type { JsonRpcError, Message, StreamResponse, Task, TaskStatus } from '@shoal/protocol';
import {
  USER_PROPERTIES,
  a2aError,
  bindingError,
  isTerminal,
  jsonRpcError,
  normalizeTaskId,
} from '@shoal/protocol';
import { Caller } from '../core/caller.ts';
import type { DecodedRequest, ReplyPath } from '../core/decode-request.ts';
import { decodeRequest } from '../core/decode-request.ts';
import { KeyedLock, isPromise } from '../core/keyed-lock.ts';
import type { MaybePromise } from '../core/keyed-lock.ts';
import { listTasks } from '../core/list-tasks.ts';
import { errorPayload, replyPayload, streamItemPayload } from '../core/payloads.ts';
import { admit } from '../core/task-machine.ts';
import type { TaskRecord } from '../core/task-record.ts';
import {
  agentMessage,
  continueRecord,
  isSettled,
  setStatus,
  undoContinue,
  viewTask,
} from '../core/task-record.ts';
import type { Clock } from './clock.ts';
import { LiveTask, sendPayload, sendTask } from './live-task.ts';
import type { Requester } from './requester.ts';
import { TaskRunner } from './task-runner.ts';
import type { TaskHandler } from './task-context.ts';
import type { TaskStore } from './task-store.ts';

export interface ResponderOptions {
  readonly link: Link;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly store: TaskStore;
  readonly handle: TaskHandler;
  readonly requester: () => Requester;
  readonly concurrency: number;
  readonly maxQueued: number;
  readonly taskTimeoutMs: number;
  readonly requiredExtensions: () => readonly string[];
  readonly supportedExtensions: () => readonly string[];
  /** What becomes of a task that a predecessor left unfinished. */
  readonly onOrphan?: ((task: Task) => MaybePromise<'fail' | 'restart'>) | undefined;
}

type Send = Extract<DecodedRequest, { method: 'SendMessage' | 'SendStreamingMessage' }>;

/** Answers requests. Knows nothing of topics and cards: `io/agent.ts` feeds it. */
export class Responder {
  readonly #options: ResponderOptions;
  readonly #lock = new KeyedLock();
  readonly #runner: TaskRunner;
  #stopping = false;

  constructor(options: ResponderOptions) {
    this.#options = options;
    this.#runner = new TaskRunner(options);
  }

  /** What a dead predecessor left WORKING ends as FAILED, or runs again: never in silence (DESIGN rule 8). */
  async recover(): Promise<void> {
    const { store, onOrphan, logger } = this.#options;
    for (const record of await store.list()) {
      const { task } = record;
      if (isSettled(task.status.state)) continue;
      const verdict = (await onOrphan?.(task)) ?? 'fail';
      logger.warn('a task was left unfinished by a predecessor', {
        taskId: task.id,
        state: task.status.state,
        verdict,
      });
      const message = task.history?.findLast(({ role }) => role === 'ROLE_USER');
      if (verdict === 'restart' && message !== undefined) this.#enqueue({ record, message });
      else await this.#failOrphan(record);
    }
  }

  /**
   * Resolves when the message may be acknowledged: its task is stored, or it is answered. Never rejects: what goes wrong here is
   * logged and answered.
   */
  receive(message: InboundMessage): MaybePromise<void> {
    let request: DecodedRequest | undefined;
    try {
      const decoded = decodeRequest(message, { requiredExtensions: this.#options.requiredExtensions() });
      if (!decoded.ok) {
        this.#options.logger.warn('request rejected', { topic: message.topic, reason: decoded.reason });
        if (decoded.answer !== undefined) this.#send({ reply: decoded.answer.path }, decoded.answer.payload);
        return undefined;
      }
      request = decoded;
      const done = this.#route(request);
      return isPromise(done) ? done.catch((error: unknown) => this.#broke(decoded, error)) : undefined;
    } catch (error) {
      return this.#broke(request, error);
    }
  }

  /** Refuses new work, lets running tasks end within the time, cancels the rest, hands queued ones back to their requesters. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    await this.#runner.handBackQueue('the agent stops and did not start this task; send it again');
    await this.#runner.settleAll(graceMs);
  }

  get running(): number {
    return this.#runner.running;
  }

  #route(request: DecodedRequest): MaybePromise<void> {
    switch (request.method) {
      case 'SendMessage':
      case 'SendStreamingMessage': {
        const key = normalizeTaskId(request.taskId);
        return this.#lock.run(key, () => this.#onSend(key, request));
      }
      case 'GetTask':
        return this.#withRecord(request, request.params.id, ({ task }) =>
          this.#result(request, viewTask(task, { historyLength: request.params.historyLength })),
        );
      case 'CancelTask': {
        const key = normalizeTaskId(request.params.id);
        return this.#lock.run(key, () =>
          this.#withRecord(request, key, (record) => this.#cancel(request, record)),
        );
      }
      case 'SubscribeToTask':
        return this.#withRecord(request, request.params.id, (record) => this.#subscribe(request, record));
      case 'ListTasks':
        return then(this.#options.store.list(), (records) => {
          const page = listTasks(
            [...records].map(({ task }) => task),
            request.params,
          );
          if ('error' in page) this.#error(request, page.error);
          else this.#result(request, page.result);
        });
      case 'GetExtendedAgentCard':
        return this.#error(
          request,
          a2aError('UnsupportedOperation', 'this agent has no extended Agent Card'),
        );
      default:
        return this.#error(
          request,
          a2aError('PushNotificationNotSupported', 'this agent sends no push notifications; stream instead'),
        );
    }
  }

  #onSend(key: string, request: Send): MaybePromise<void> {
    const live = this.#runner.find(key);
    if (live?.settling !== undefined) return live.settling.then(() => this.#onSend(key, request));
    if (live !== undefined) return this.#admit(request, live.record, live);
    return then(this.#options.store.load(key), (record) => this.#admit(request, record, undefined));
  }

  #admit(request: Send, known: TaskRecord | undefined, live: LiveTask | undefined): MaybePromise<void> {
    const { clock, newId } = this.#options;
    const { message } = request.params;
    const at = clock.nowIso();
    const intent = request.service.taskIntent;
    const admission = admit(known, { message, taskId: request.taskId, newContextId: newId, at, intent });
    if (admission.kind === 'refused') return this.#error(request, admission.error);
    const { record } = admission;
    const caller = this.#callerOf(request);
    if (admission.kind === 'duplicate') return this.#repeat(caller, request, record, live);
    return this.#accept(
      request,
      caller,
      record,
      live,
      admission.kind === 'continue' ? record.task.status : undefined,
    );
  }

  #accept(
    request: Send,
    caller: Caller,
    record: TaskRecord,
    live: LiveTask | undefined,
    previous: TaskStatus | undefined,
  ): MaybePromise<void> {
    const { clock, store } = this.#options;
    const { message } = request.params;
    if (request.expiresAtMs !== undefined && clock.nowMs() > request.expiresAtMs) {
      return this.#error(
        request,
        bindingError('request_expired', 'the message expiry of the request has passed'),
      );
    }
    if (live === undefined && !this.#hasRoom(request)) return undefined;
    if (previous !== undefined) continueRecord(record, message, clock.nowIso());
    const go = (): void =>
      live === undefined
        ? this.#enqueue({ record, message, previous, caller, request })
        : this.#resume(live, caller, request);
    try {
      const saved = store.save(record, 'commit');
      return isPromise(saved) ? this.#whenSaved(saved, request, record, previous, go) : go();
    } catch (error) {
      return this.#notSaved(request, record, previous, error);
    }
  }

  async #whenSaved(
    saved: Promise<void>,
    request: Send,
    record: TaskRecord,
    previous: TaskStatus | undefined,
    go: () => void,
  ): Promise<void> {
    try {
      await saved;
    } catch (error) {
      return this.#notSaved(request, record, previous, error);
    }
    return go();
  }

  /** Nothing was promised yet: forget the message, so that its retry is not taken for a repetition. */
  async #notSaved(
    request: Send,
    record: TaskRecord,
    previous: TaskStatus | undefined,
    cause: unknown,
  ): Promise<void> {
    const { store, logger } = this.#options;
    logger.error('a task could not be stored', { taskId: record.task.id, error: String(cause) });
    this.#error(
      request,
      bindingError(
        'responder_unavailable',
        'the agent cannot store the task now; send the request again later',
      ),
    );
    if (previous !== undefined) return undoContinue(record, previous);
    try {
      await store.remove(normalizeTaskId(record.task.id));
    } catch (error) {
      logger.warn('a task that was not stored could not be removed', {
        taskId: record.task.id,
        error: String(error),
      });
    }
    return undefined;
  }

  #enqueue(work: {
    readonly record: TaskRecord;
    readonly message: Message;
    readonly previous?: TaskStatus | undefined;
    readonly caller?: Caller;
    readonly request?: Send;
  }): void {
    const { link, logger } = this.#options;
    const { record, message, previous, caller, request } = work;
    const live = new LiveTask(link, logger, record);
    live.expiresAtMs = request?.expiresAtMs;
    if (caller !== undefined && request !== undefined && returnsAtOnce(request))
      sendTask(link, logger, caller, record.task);
    else if (caller !== undefined) live.attach(caller);
    this.#runner.add({ live, message, requestMetadata: request?.params.metadata, previous });
  }

  /** The same message again: whoever sent it hears what the first one hears (profile: Retry 5). */
  #repeat(caller: Caller, request: Send, record: TaskRecord, live: LiveTask | undefined): MaybePromise<void> {
    const { state } = record.task.status;
    // Nobody runs it: a store that was changed from outside, or a run that was lost. Running it is what the requester asks for.
    if (live === undefined && !isSettled(state))
      return this.#accept(request, caller, record, undefined, undefined);
    if (live === undefined || isSettled(record.task.status.state) || returnsAtOnce(request)) {
      if (caller.streaming) this.#streamOnce(caller, { task: viewTask(record.task, caller) });
      else sendTask(this.#options.link, this.#options.logger, caller, record.task);
      return undefined;
    }
    if (request.expiresAtMs === undefined) live.expiresAtMs = undefined;
    else if (live.expiresAtMs !== undefined)
      live.expiresAtMs = Math.max(live.expiresAtMs, request.expiresAtMs);
    live.attach(caller);
    return undefined;
  }

  /** A message for a task that reported AUTH_REQUIRED and whose handler still runs. */
  #resume(live: LiveTask, caller: Caller, request: Send): void {
    if (returnsAtOnce(request)) sendTask(this.#options.link, this.#options.logger, caller, live.record.task);
    else live.attach(caller);
    live.onMessage?.(request.params.message);
    live.onMessage = undefined;
  }

  #cancel(request: DecodedRequest, record: TaskRecord): MaybePromise<void> {
    const { task } = record;
    const { state } = task.status;
    if (state === 'TASK_STATE_CANCELED') return this.#result(request, task);
    if (isTerminal(state))
      return this.#error(request, a2aError('TaskNotCancelable', `task ${task.id} has ended (${state})`));
    const live =
      this.#runner.find(normalizeTaskId(task.id)) ??
      new LiveTask(this.#options.link, this.#options.logger, record);
    return then(this.#runner.cancel(live, 'The task was canceled.'), () => this.#result(request, task));
  }

  #subscribe(request: DecodedRequest, record: TaskRecord): void {
    const { task } = record;
    const { state } = task.status;
    if (isTerminal(state)) {
      return this.#error(
        request,
        a2aError('UnsupportedOperation', `task ${task.id} has ended (${state}); read it with GetTask`),
      );
    }
    const caller = new Caller(request.id, request.reply, { streaming: true });
    const live = this.#runner.find(normalizeTaskId(task.id));
    if (live === undefined || live.settled) return this.#streamOnce(caller, { task });
    return live.attach(caller);
  }

  #withRecord(
    request: DecodedRequest,
    id: string,
    use: (record: TaskRecord) => MaybePromise<void>,
  ): MaybePromise<void> {
    const key = normalizeTaskId(id);
    const live = this.#runner.find(key);
    if (live !== undefined) return use(live.record);
    return then(this.#options.store.load(key), (record) =>
      record === undefined
        ? this.#error(request, a2aError('TaskNotFound', `task ${id} is not known here`))
        : use(record),
    );
  }

  #hasRoom(request: Send): boolean {
    if (!this.#stopping && this.#runner.hasRoom()) return true;
    const why = this.#stopping ? 'the agent stops' : 'the agent is busy and its queue is full';
    this.#error(request, bindingError('responder_unavailable', `${why}; send the request again later`));
    return false;
  }

  #callerOf(request: Send): Caller {
    return new Caller(request.id, request.reply, {
      streaming: request.method === 'SendStreamingMessage',
      historyLength: request.params.configuration?.historyLength,
      properties: this.#activated(request),
    });
  }

  #activated({ service }: DecodedRequest): Readonly<Record<string, string>> | undefined {
    if (service.extensions.length === 0) return undefined;
    const supported = this.#options.supportedExtensions();
    const activated = service.extensions.filter((uri) => supported.includes(uri));
    return activated.length === 0 ? undefined : { [USER_PROPERTIES.extensions]: activated.join(',') };
  }

  async #failOrphan(record: TaskRecord): Promise<void> {
    const { clock, newId, store } = this.#options;
    const text = 'The agent restarted while this task was running, and did not finish it.';
    const message = agentMessage(record.task, newId(), [{ text }], { code: 'agent-restarted' });
    setStatus(record, 'TASK_STATE_FAILED', clock.nowIso(), message);
    await store.save(record, 'commit');
  }

  #broke(request: DecodedRequest | undefined, error: unknown): void {
    this.#options.logger.error('a request could not be handled', {
      method: request?.method,
      error: String(error),
    });
    if (request !== undefined)
      this.#error(request, jsonRpcError('InternalError', 'the agent could not handle the request'));
  }

  #streamOnce(caller: Caller, item: StreamResponse): void {
    this.#send(caller, streamItemPayload(caller.id, item));
  }

  #result(request: DecodedRequest, result: unknown): void {
    this.#send(request, replyPayload(request.id, result));
  }

  #error(to: Pick<Caller, 'id' | 'reply'>, error: JsonRpcError): void {
    this.#send({ reply: to.reply }, errorPayload(to.id, error));
  }

  #send(
    to: { readonly reply: ReplyPath; readonly properties?: Caller['properties'] },
    payload: string,
  ): void {
    sendPayload(this.#options.link, this.#options.logger, to, payload);
  }
}

function returnsAtOnce(request: Send): boolean {
  return request.method === 'SendMessage' && request.params.configuration?.returnImmediately === true;
}

function then<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return isPromise(value) ? (async () => next(await value))() : next(value);
}
