import type { InboundMessage, Link, Logger } from '@shoal/mqtt-link';
import type { AgentCard, JsonRpcError, Task } from '@shoal/protocol';
import { a2aError, isTerminal, jsonRpcError, normalizeTaskId } from '@shoal/protocol';
import { artifactModeOf, wantsChunks } from '../core/artifact-mode.ts';
import { Caller } from '../core/caller.ts';
import type { Identity } from '../core/identity.ts';
import { ownerOf } from '../core/identity.ts';
import type { DecodedRequest } from '../core/decode-request.ts';
import { decodeRequest } from '../core/decode-request.ts';
import type { PushProfile } from '../core/push-retry.ts';
import { requesterOf } from '../core/requester-of.ts';
import type { MaybePromise } from '../core/keyed-lock.ts';
import { isPromise, whenReady } from '../core/keyed-lock.ts';
import type { TaskRecord } from '../core/task-record.ts';
import { agentMessage, isSettled, setStatus, viewTask } from '../core/task-record.ts';
import { Admissions } from './admissions.ts';
import type { ArtifactOptions } from './artifact-store.ts';
import type { Clock } from './clock.ts';
import { ContextSweeper } from './context-sweeper.ts';
import type { OnItem } from './live-task.ts';
import type { PushRequest } from './push-desk.ts';
import { NO_PUSH, PushDesk } from './push-desk.ts';
import type { PushTransport } from './push-transport.ts';
import { Replies } from './replies.ts';
import type { Requester } from './requester-types.ts';
import { StoredTasks } from './stored-tasks.ts';
import { startRequest } from './telemetry.ts';
import type { Unfinished } from './task-runner.ts';
import { TaskRunner } from './task-runner.ts';
import type { TaskHandler } from './task-context.ts';
import type { TaskStore } from './task-store.ts';
import { pageTasks } from './task-store.ts';

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
  /** Seconds after which a silent context is forgotten. Default 86 400; 0: never. */
  readonly contextExpirySeconds?: number | undefined;
  readonly artifacts?: ArtifactOptions | undefined;
  readonly requiredExtensions: () => readonly string[];
  readonly supportedExtensions: () => readonly string[];
  /** What becomes of a task that a predecessor left unfinished. */
  readonly onOrphan?: ((task: Task) => MaybePromise<'fail' | 'restart'>) | undefined;
  /** Unset: requests for push notifications are declined. */
  readonly push?:
    | { readonly transport: PushTransport; readonly profile?: Partial<PushProfile> | undefined }
    | undefined;
  /** Default true: requesters are told to whom a task was handed over, and go there. */
  readonly announcesHandOver?: boolean;
  /** Unset: GetExtendedAgentCard is declined. Undefined as its result: there is none for this requester. */
  readonly extendedCard?: ExtendedCard | undefined;
}

export type ExtendedCard = (requester: ExtendedCardRequest) => MaybePromise<AgentCard | undefined>;

export interface ExtendedCardRequest {
  /** `org/unit/agentId` as the response topic names it. A claim of the requester, not a proof. */
  readonly requesterId: string | undefined;
  /** Who asks, as far as that is proven. */
  readonly identity: Identity | undefined;
}

const NO_EXTENDED_CARD = a2aError(
  'ExtendedAgentCardNotConfigured',
  'this agent has no extended Agent Card for you',
);

/** Answers requests. Knows nothing of topics and cards: `io/agent.ts` feeds it. */
export class Responder {
  readonly #options: ResponderOptions;
  readonly #replies: Replies;
  readonly #runner: TaskRunner;
  readonly #admissions: Admissions;
  readonly #tasks: StoredTasks;
  readonly #push: PushDesk | undefined;
  readonly #contexts: ContextSweeper;

  constructor(options: ResponderOptions) {
    const { link, logger, store, push, artifacts = {} } = options;
    const onItem: OnItem = (record, item) => this.#push?.outbox.add(record, item);
    // One object for all parts: a process may have ten thousand agents.
    const parts = {
      ...options,
      artifacts,
      chunkBytes: (): number => chunkBytesOf(artifacts, link),
      replies: new Replies(link, logger, options.announcesHandOver),
      earlierTasks: (record: TaskRecord): Promise<Task[]> => this.#tasks.earlierTasks(record),
      onItem: push && onItem,
    };
    this.#options = parts;
    this.#replies = parts.replies;
    this.#runner = new TaskRunner(parts);
    this.#tasks = new StoredTasks(store, this.#runner);
    this.#contexts = new ContextSweeper(parts, this.#tasks);
    this.#push = push && new PushDesk({ ...options, ...push, tasks: this.#tasks });
    this.#admissions = new Admissions(parts, this.#runner, this.#push);
  }

  /** What a dead predecessor left WORKING ends as FAILED, or runs again: never in silence (DESIGN rule 8). */
  async recover(): Promise<void> {
    const { store, onOrphan, logger } = this.#options;
    for (const { key, state, pushPending } of await store.list()) {
      if (isSettled(state) && (pushPending !== true || this.#push === undefined)) continue;
      const record = await store.load(key);
      if (record === undefined) continue;
      if (isSettled(state)) {
        this.#push?.outbox.add(record, { task: viewTask(record.task, { historyLength: 0 }) });
        continue;
      }
      const { task } = record;
      // Its delegate goes on without us: listen to it again.
      const handedOver = record.handedOverTo !== undefined;
      const verdict = handedOver ? 'restart' : ((await onOrphan?.(task)) ?? 'fail');
      logger.warn('a task was left unfinished by a predecessor', {
        taskId: task.id,
        state: task.status.state,
        verdict,
      });
      const message = task.history?.findLast(({ role }) => role === 'ROLE_USER');
      if (verdict === 'restart' && message !== undefined) this.#admissions.enqueue({ record, message });
      else await this.#failOrphan(record);
    }
  }

  /**
   * Resolves when the message may be acknowledged: its task is stored, or it is answered. Never rejects: what goes wrong here is
   * logged and answered.
   */
  receive(message: InboundMessage, replyProperties?: Readonly<Record<string, string>>): MaybePromise<void> {
    let request: DecodedRequest | undefined;
    try {
      const decoded = decodeRequest(message, {
        replyProperties,
        requiredExtensions: this.#options.requiredExtensions(),
        decline: this.#decline,
      });
      if (!decoded.ok) {
        this.#options.logger.warn('request rejected', { topic: message.topic, reason: decoded.reason });
        if (decoded.answer !== undefined) this.#replies.payload(decoded.answer.path, decoded.answer.payload);
        return undefined;
      }
      request = decoded;
      const done = isSend(decoded) ? this.#route(decoded) : this.#routeObserved(decoded);
      return isPromise(done) ? done.catch((error: unknown) => this.#broke(decoded, error)) : undefined;
    } catch (error) {
      return this.#broke(request, error);
    }
  }

  /** Refuses new work, lets running tasks end within the time, cancels the rest or hands it back, as those in line. */
  async stop(graceMs: number, unfinished: Unfinished = 'cancel'): Promise<void> {
    this.#contexts.stop();
    this.#admissions.stop();
    await this.#runner.handBackQueue('the agent stops and did not start this task; send it again');
    await this.#runner.settleAll(graceMs, unfinished);
    await this.#push?.outbox.stop(graceMs);
  }

  /** Forgets contexts that were silent for too long, now and from time to time. */
  keepContexts(): void {
    this.#contexts.start();
  }

  hasRoom(): boolean {
    return this.#runner.hasRoom();
  }

  get running(): number {
    return this.#runner.running;
  }

  /** The span of a message is that of its run. */
  #routeObserved(request: DecodedRequest): MaybePromise<void> {
    const span = startRequest(request.method, request.service);
    if (span === undefined) return this.#route(request);
    let done: MaybePromise<void>;
    try {
      done = this.#route(request);
    } catch (error) {
      span.end(true);
      throw error;
    }
    if (!isPromise(done)) return span.end(false);
    return done.then(
      () => span.end(false),
      (error: unknown) => {
        span.end(true);
        throw error;
      },
    );
  }

  #route(request: DecodedRequest): MaybePromise<void> {
    switch (request.method) {
      case 'SendMessage':
      case 'SendStreamingMessage':
        return this.#tasks.inTurn(request.taskId, (key) => this.#admissions.receive(key, request));
      case 'GetTask':
        return this.#withRecord(request, request.params.id, ({ task, handedOverTo }) => {
          const { historyLength } = request.params;
          this.#replies.result(request, viewTask(task, { historyLength }), handedOverTo);
        });
      case 'CancelTask':
        return this.#tasks.inTurn(request.params.id, () =>
          this.#withRecord(request, request.params.id, (record) => this.#cancel(request, record)),
        );
      case 'SubscribeToTask':
        return this.#withRecord(request, request.params.id, (record) => this.#subscribe(request, record));
      case 'ListTasks':
        return whenReady(
          pageTasks(
            this.#options.store,
            request.params,
            (key) => this.#runner.find(key)?.record,
            ownerOf(request.identity),
          ),
          (page) =>
            'error' in page
              ? this.#replies.error(request, page.error)
              : this.#replies.result(request, page.result),
        );
      case 'GetExtendedAgentCard':
        return whenReady(
          this.#options.extendedCard?.({
            requesterId: requesterOf(request.reply.responseTopic),
            identity: request.identity,
          }),
          (card) =>
            card === undefined
              ? this.#replies.error(request, NO_EXTENDED_CARD)
              : this.#replies.result(request, card),
        );
      default:
        return this.#answerPush(request);
    }
  }

  readonly #decline = (method: string): JsonRpcError | undefined => {
    if (method === 'GetExtendedAgentCard' && this.#options.extendedCard === undefined)
      return a2aError('UnsupportedOperation', 'this agent has no extended Agent Card');
    return this.#push === undefined && method.includes('TaskPushNotificationConfig') ? NO_PUSH : undefined;
  };

  #answerPush(request: PushRequest): MaybePromise<void> {
    // `decline` answered if there is no desk.
    if (this.#push === undefined) return this.#replies.error(request, NO_PUSH);
    return whenReady(this.#push.answer(request), (outcome) =>
      'error' in outcome
        ? this.#replies.error(request, outcome.error)
        : this.#replies.result(request, outcome.value),
    );
  }

  #cancel(request: DecodedRequest, record: TaskRecord): MaybePromise<void> {
    const { task } = record;
    const { state } = task.status;
    if (state === 'TASK_STATE_CANCELED') return this.#replies.result(request, task, record.handedOverTo);
    if (isTerminal(state))
      return this.#replies.error(
        request,
        a2aError('TaskNotCancelable', `task ${task.id} has ended (${state})`),
      );
    const running = this.#runner.find(normalizeTaskId(task.id));
    // The relay of a running one passes it on by itself.
    if (running === undefined && record.handedOverTo !== undefined)
      this.#cancelAt(record.handedOverTo, task.id);
    const live = running ?? this.#runner.newLive(record);
    return whenReady(this.#runner.cancel(live, 'The task was canceled.'), () =>
      this.#replies.result(request, task, record.handedOverTo),
    );
  }

  #cancelAt(agentId: string, id: string): void {
    const { requester, logger } = this.#options;
    const { org, unit } = requester().address;
    requester()
      .cancelTask({ org, unit, agentId }, { id })
      .catch((error: unknown) =>
        logger.warn('a task that was handed over could not be canceled there', {
          taskId: id,
          error: String(error),
        }),
      );
  }

  #subscribe(request: DecodedRequest, record: TaskRecord): void {
    const { task } = record;
    const { state } = task.status;
    if (isTerminal(state)) {
      return this.#replies.error(
        request,
        a2aError('UnsupportedOperation', `task ${task.id} has ended (${state}); read it with GetTask`),
      );
    }
    const binary = wantsChunks(request);
    const properties = artifactModeOf(request.service, binary);
    const caller = new Caller(request.id, request.reply, { streaming: true, binary, properties });
    const live = this.#runner.find(normalizeTaskId(task.id));
    if (live === undefined || live.settled)
      return this.#replies.onlyItem(caller, { task }, record.handedOverTo);
    return live.attach(caller);
  }

  #withRecord(
    request: DecodedRequest,
    id: string,
    use: (record: TaskRecord) => MaybePromise<void>,
  ): MaybePromise<void> {
    return whenReady(this.#tasks.find(id), (record) =>
      record === undefined || record.owner !== ownerOf(request.identity)
        ? this.#replies.error(request, a2aError('TaskNotFound', `task ${id} is not known here`))
        : use(record),
    );
  }

  async #failOrphan(record: TaskRecord): Promise<void> {
    const { clock, newId, store } = this.#options;
    const text = 'The agent restarted while this task was running, and did not finish it.';
    const message = agentMessage(record.task, newId(), [{ text }], { code: 'agent-restarted' });
    const item = setStatus(record, 'TASK_STATE_FAILED', clock.nowIso(), message);
    await store.save(record, 'commit');
    this.#push?.outbox.add(record, item);
  }

  #broke(request: DecodedRequest | undefined, error: unknown): void {
    this.#options.logger.error('a request could not be handled', {
      method: request?.method,
      error: String(error),
    });
    if (request !== undefined)
      this.#replies.error(request, jsonRpcError('InternalError', 'the agent could not handle the request'));
  }
}

function isSend({ method }: DecodedRequest): boolean {
  return method === 'SendMessage' || method === 'SendStreamingMessage';
}

/** Room for the topic and the properties of a chunk. */
const CHUNK_HEADER_BYTES = 24_576;

function chunkBytesOf({ chunkBytes = 65_536 }: ArtifactOptions, { broker }: Link): number {
  const room = (broker?.maximumPacketSize ?? Number.POSITIVE_INFINITY) - CHUNK_HEADER_BYTES;
  return Math.max(1_024, Math.min(chunkBytes, room));
}
