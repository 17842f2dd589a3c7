import type { Logger } from '@shoal/mqtt-link';
import type { JsonRpcError, Message, TaskStatus } from '@shoal/protocol';
import { USER_PROPERTIES, bindingError, normalizeTaskId } from '@shoal/protocol';
import { artifactModeOf, wantsChunks } from '../core/artifact-mode.ts';
import { Caller } from '../core/caller.ts';
import type { DecodedRequest } from '../core/decode-request.ts';
import type { MaybePromise } from '../core/keyed-lock.ts';
import { isPromise, whenReady } from '../core/keyed-lock.ts';
import { ownerOf } from '../core/identity.ts';
import { admit } from '../core/task-machine.ts';
import type { TaskRecord } from '../core/task-record.ts';
import { continueRecord, isSettled, undoContinue, viewTask } from '../core/task-record.ts';
import type { Clock } from './clock.ts';
import type { LiveTask } from './live-task.ts';
import type { PushDesk } from './push-desk.ts';
import { NO_PUSH } from './push-desk.ts';
import type { Replies } from './replies.ts';
import type { TaskRunner } from './task-runner.ts';
import { startTask } from './telemetry.ts';
import type { TaskStore } from './task-store.ts';

export interface AdmissionsOptions {
  readonly replies: Replies;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly store: TaskStore;
  readonly supportedExtensions: () => readonly string[];
}

type Send = Extract<DecodedRequest, { method: 'SendMessage' | 'SendStreamingMessage' }>;

/** Takes messages in: decides by what is known of the task, stores it, and only then has it run. */
export class Admissions {
  readonly #options: AdmissionsOptions;
  readonly #runner: TaskRunner;
  readonly #push: PushDesk | undefined;
  #stopping = false;

  /** `push` takes the push configuration of a request into its record; undefined when no notifications are sent. */
  constructor(options: AdmissionsOptions, runner: TaskRunner, push: PushDesk | undefined) {
    this.#options = options;
    this.#runner = runner;
    this.#push = push;
  }

  /** From now on every new message is answered responder_unavailable. */
  stop(): void {
    this.#stopping = true;
  }

  /** Call it for one message of a task at a time. */
  receive(key: string, request: Send): MaybePromise<void> {
    const live = this.#runner.find(key);
    if (live?.settling !== undefined) return live.settling.then(() => this.receive(key, request));
    if (live !== undefined) return this.#admit(request, live.record, live);
    return whenReady(this.#options.store.load(key), (record) => this.#admit(request, record, undefined));
  }

  #admit(request: Send, known: TaskRecord | undefined, live: LiveTask | undefined): MaybePromise<void> {
    const { clock, newId } = this.#options;
    const { message } = request.params;
    const at = clock.nowIso();
    const intent = request.service.taskIntent;
    const admission = admit(known, {
      message,
      taskId: request.taskId,
      newContextId: newId,
      at,
      intent,
      owner: ownerOf(request.identity),
    });
    if (admission.kind === 'refused') return this.#options.replies.error(request, admission.error);
    const { record } = admission;
    const refusal = admission.kind === 'duplicate' ? undefined : this.#takePushConfig(request, record);
    if (refusal !== undefined) return this.#options.replies.error(request, refusal);
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

  #takePushConfig(request: Send, record: TaskRecord): JsonRpcError | undefined {
    const config = request.params.configuration?.taskPushNotificationConfig;
    if (config === undefined) return undefined;
    if (this.#push === undefined) return NO_PUSH;
    const outcome = this.#push.put(record, config);
    return 'error' in outcome ? outcome.error : undefined;
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
      return this.#options.replies.error(
        request,
        bindingError('request_expired', 'the message expiry of the request has passed'),
      );
    }
    if (live === undefined && !this.#hasRoom(request)) return undefined;
    if (previous !== undefined) continueRecord(record, message, clock.nowIso());
    const go = (): void =>
      live === undefined
        ? this.enqueue({ record, message, previous, caller, request })
        : this.#resume(live, caller, request);
    try {
      const saved = store.save(record, 'commit');
      return isPromise(saved) ? this.#whenSaved(saved, request, record, previous, go) : go();
    } catch (error) {
      return this.#takeBack(request, record, previous, error);
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
      return this.#takeBack(request, record, previous, error);
    }
    // The agent may have stopped meanwhile.
    return this.#stopping ? this.#takeBack(request, record, previous, 'the agent stops') : go();
  }

  /** Nothing was promised yet: forget the message, so that its retry is not taken for a repetition. */
  async #takeBack(
    request: Send,
    record: TaskRecord,
    previous: TaskStatus | undefined,
    cause: unknown,
  ): Promise<void> {
    const { store, logger } = this.#options;
    logger.error('a task was not taken', { taskId: record.task.id, error: String(cause) });
    this.#options.replies.error(
      request,
      bindingError(
        'responder_unavailable',
        'the agent cannot take the task now; send the request again later',
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

  enqueue(work: {
    readonly record: TaskRecord;
    readonly message: Message;
    readonly previous?: TaskStatus | undefined;
    readonly caller?: Caller;
    readonly request?: Send;
  }): void {
    const { replies } = this.#options;
    const { record, message, previous, caller, request } = work;
    const live = this.#runner.newLive(record);
    live.expiresAtMs = request?.expiresAtMs;
    live.telemetry = startTask(request?.method ?? 'SendMessage', live.key, request?.service);
    if (caller !== undefined && request !== undefined && returnsAtOnce(request)) replies.task(caller, record);
    else if (caller !== undefined) live.attach(caller);
    this.#runner.add({
      live,
      message,
      requestMetadata: request?.params.metadata,
      tenant: request?.params.tenant,
      previous,
      identity: request?.identity,
    });
  }

  /** The same message again: whoever sent it hears what the first one hears (profile: Retry 5). */
  #repeat(caller: Caller, request: Send, record: TaskRecord, live: LiveTask | undefined): MaybePromise<void> {
    const { state } = record.task.status;
    // Nobody runs it: a store that was changed from outside, or a run that was lost. Running it is what the requester asks for.
    if (live === undefined && !isSettled(state))
      return this.#accept(request, caller, record, undefined, undefined);
    if (live === undefined || isSettled(record.task.status.state) || returnsAtOnce(request)) {
      if (caller.streaming)
        this.#options.replies.onlyItem(caller, { task: viewTask(record.task, caller) }, record.handedOverTo);
      else this.#options.replies.task(caller, record);
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
    if (returnsAtOnce(request)) this.#options.replies.task(caller, live.record);
    else live.attach(caller);
    live.onMessage?.(request.params.message);
    live.onMessage = undefined;
  }

  #hasRoom(request: Send): boolean {
    if (!this.#stopping && this.#runner.hasRoom()) return true;
    const why = this.#stopping ? 'the agent stops' : 'the agent is busy and its queue is full';
    this.#options.replies.error(
      request,
      bindingError('responder_unavailable', `${why}; send the request again later`),
    );
    return false;
  }

  #callerOf(request: Send): Caller {
    return new Caller(request.id, request.reply, {
      streaming: request.method === 'SendStreamingMessage',
      historyLength: request.params.configuration?.historyLength,
      properties: this.#activated(request),
      binary: wantsChunks(request),
    });
  }

  #activated({ method, reply, service }: DecodedRequest): Readonly<Record<string, string>> | undefined {
    const mode = artifactModeOf(service, wantsChunks({ method, reply, service }));
    if (service.extensions.length === 0) return mode;
    const supported = this.#options.supportedExtensions();
    const activated = service.extensions.filter((uri) => supported.includes(uri));
    return activated.length === 0 ? mode : { ...mode, [USER_PROPERTIES.extensions]: activated.join(',') };
  }
}

function returnsAtOnce(request: Send): boolean {
  return request.method === 'SendMessage' && request.params.configuration?.returnImmediately === true;
}
