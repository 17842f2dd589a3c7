import { context } from '@opentelemetry/api';
import type { Logger } from '@shoal/mqtt-link';
import type { Artifact, Message, StreamResponse, TaskStatus } from '@shoal/protocol';
import { bindingError } from '@shoal/protocol';
import type { Identity } from '../core/identity.ts';
import type { MaybePromise } from '../core/keyed-lock.ts';
import { isPromise } from '../core/keyed-lock.ts';
import type { Output } from '../core/output.ts';
import { toArtifacts } from '../core/output.ts';
import type { TaskRecord } from '../core/task-record.ts';
import { addArtifact, agentMessage, isSettled, setStatus, undoContinue } from '../core/task-record.ts';
import type { ArtifactOptions } from './artifact-store.ts';
import { referLarge } from './artifact-store.ts';
import type { Clock } from './clock.ts';
import { handOver } from './hand-over.ts';
import type { OnItem } from './live-task.ts';
import { LiveTask } from './live-task.ts';
import type { Replies } from './replies.ts';
import type { Requester } from './requester-types.ts';
import { guardRun } from './run-guard.ts';
import type { RunSupport, TaskHandler } from './task-context.ts';
import { RunContext } from './task-context.ts';
import type { TaskStore } from './task-store.ts';
import { WorkQueue } from './work-queue.ts';

export interface Run {
  readonly live: LiveTask;
  readonly message: Message;
  readonly requestMetadata?: Record<string, unknown> | undefined;
  readonly tenant?: string | undefined;
  /** Set when the run continues an interrupted task: what to go back to when it never starts. */
  readonly previous?: TaskStatus | undefined;
  /** Who sent the message, as far as that is proven. */
  readonly identity?: Identity | undefined;
}

export interface TaskRunnerOptions {
  readonly replies: Replies;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly store: TaskStore;
  readonly handle: TaskHandler;
  readonly requester: () => Requester;
  readonly concurrency: number;
  readonly maxQueued: number;
  readonly taskTimeoutMs: number;
  readonly earlierTasks: RunSupport['earlierTasks'];
  readonly artifacts: ArtifactOptions;
  /** Payload bytes of a chunk in the binary mode, by what the broker takes now. */
  readonly chunkBytes: () => number;
  /** Hears every item of every task, whether it runs or is ended from outside. */
  readonly onItem?: OnItem | undefined;
}

/** What a stop does with tasks that do not end in time. */
export type Unfinished = 'cancel' | 'hand-back';

const STOPPED = 'The agent was stopped.';
const HANDED_BACK = 'the agent stops and did not finish this task; send it again';

/** Runs handlers and brings their tasks to rest: whatever a handler does, its task ends in a typed state. */
export class TaskRunner {
  readonly #options: TaskRunnerOptions;
  readonly #live = new Map<string, LiveTask>();
  readonly #queue: WorkQueue<Run>;
  #support: RunSupport | undefined;

  constructor(options: TaskRunnerOptions) {
    this.#options = options;
    this.#queue = new WorkQueue({
      concurrency: options.concurrency,
      maxQueued: options.maxQueued,
      run: (run) => this.#run(run),
    });
  }

  get running(): number {
    return this.#queue.running;
  }

  /** Made for the first run: many agents wait for one. */
  get #runSupport(): RunSupport {
    const { requester, logger, clock, newId, earlierTasks, artifacts } = this.#options;
    return (this.#support ??= {
      requester,
      logger,
      nowIso: () => clock.nowIso(),
      newId,
      saveProgress: (live) => this.#saveProgress(live),
      settle: (live, item) => this.#settle(live, item),
      earlierTasks,
      refer: (artifact, taskId) => referLarge(artifact, taskId, artifacts),
      handOver: (...work) => this.#handOver(...work),
    });
  }

  hasRoom(): boolean {
    return this.#queue.hasRoom();
  }

  find(key: string): LiveTask | undefined {
    return this.#live.get(key);
  }

  /** Does not run it: see `add`. */
  newLive(record: TaskRecord): LiveTask {
    const { replies, logger, onItem } = this.#options;
    return new LiveTask(replies, logger, record, this.#options.chunkBytes(), onItem);
  }

  add(run: Run): void {
    run.live.previous = run.previous;
    this.#live.set(run.live.key, run.live);
    this.#queue.add(run);
  }

  /** Ends a task as CANCELED at once, whether it runs, waits in line or waits for input. */
  cancel(live: LiveTask, text: string): MaybePromise<void> {
    const { record } = live;
    const message = agentMessage(record.task, this.#options.newId(), [{ text }]);
    this.#queue.withdraw((run) => run.live === live);
    const settled = this.#settle(
      live,
      setStatus(record, 'TASK_STATE_CANCELED', this.#options.clock.nowIso(), message),
    );
    live.abort(new DOMException(text, 'AbortError'));
    return settled;
  }

  /** Tells the requesters of runs that have not started to send them again, and forgets the runs. */
  async handBackQueue(why: string): Promise<void> {
    for (const run of this.#queue.drain()) await this.#withdraw(run, 'responder_unavailable', why);
  }

  /** Lets running handlers end; what is left is canceled, or handed back to be sent again. */
  async settleAll(graceMs: number, unfinished: Unfinished): Promise<void> {
    const { clock } = this.#options;
    if (this.#live.size > 0 && graceMs > 0) {
      await new Promise<void>((resolve) => {
        const cancelTimer = clock.setTimer(resolve, graceMs);
        this.#onIdle = () => {
          cancelTimer();
          resolve();
        };
      });
      this.#onIdle = undefined;
    }
    for (const live of this.#live.values()) {
      if (live.record.handedOverTo !== undefined) await this.#leave(live);
      else if (unfinished === 'cancel') await this.cancel(live, STOPPED);
      else await this.#handBack(live);
    }
  }

  async #handBack(live: LiveTask): Promise<void> {
    const { previous } = live;
    await this.#withdraw({ live, previous }, 'responder_unavailable', HANDED_BACK);
    live.abort(new DOMException(STOPPED, 'AbortError'));
  }

  /** Its delegate goes on with it; the record stays as it is, so that a successor listens again. */
  async #leave(live: LiveTask): Promise<void> {
    this.#forget(live);
    live.settled = true;
    live.detachAll();
    live.telemetry?.end('handed-back');
    live.abort(new DOMException(STOPPED, 'AbortError'));
    await this.#options.store.save(live.record, 'commit');
  }

  #onIdle: (() => void) | undefined;

  #run(run: Run): Promise<void> | undefined {
    const { live } = run;
    const { clock } = this.#options;
    if (live.expiresAtMs !== undefined && clock.nowMs() > live.expiresAtMs) {
      return this.#withdraw(
        run,
        'request_expired',
        'the message expiry of the request passed while it waited in line',
      );
    }
    void live.emit(setStatus(live.record, 'TASK_STATE_WORKING', clock.nowIso()));
    this.#saveProgress(live);
    const { telemetry } = live;
    telemetry?.started();
    let output: MaybePromise<void | Output>;
    try {
      output =
        telemetry === undefined
          ? this.#work(run)
          : context.with(telemetry.context, this.#work.bind(this), undefined, run);
    } catch (error) {
      return asPromise(this.#fail(live, error));
    }
    if (!isThenable(output)) return asPromise(this.#complete(live, output ?? undefined));
    const { taskTimeoutMs, logger } = this.#options;
    return guardRun(
      live,
      Promise.resolve(output).then(
        (value) => this.#complete(live, value ?? undefined),
        (error: unknown) => this.#fail(live, error),
      ),
      { clock, taskTimeoutMs, logger, onOutOfTime: () => this.#outOfTime(live) },
    );
  }

  #work(run: Run): MaybePromise<void | Output> {
    const { live } = run;
    const { handedOverTo } = live.record;
    // Whoever has the task gets what is said about it.
    return handedOverTo === undefined
      ? this.#options.handle(new RunContext(live, run, this.#runSupport))
      : this.#handOver(live, run.message, run.requestMetadata, handedOverTo);
  }

  #outOfTime(live: LiveTask): void {
    const error = new Error(`the task did not end within ${this.#options.taskTimeoutMs} ms`);
    void this.#fail(live, Object.assign(error, { code: 'task-timeout' }));
    live.abort(error);
  }

  #complete(live: LiveTask, output: Output | undefined): MaybePromise<void> {
    if (live.settled) return undefined;
    const { record } = live;
    if (output === undefined && record.task.status.state === 'TASK_STATE_AUTH_REQUIRED')
      return this.#rest(live);
    const offset = record.task.artifacts?.length ?? 0;
    let count = offset;
    let artifacts: MaybePromise<Artifact>[];
    try {
      const inline = toArtifacts(output, () => `artifact-${(count += 1)}`);
      artifacts = inline.map((artifact) => this.#runSupport.refer(artifact, record.task.id));
    } catch (error) {
      return this.#fail(live, error);
    }
    if (!artifacts.some(isPromise)) return this.#finish(live, artifacts as Artifact[]);
    return Promise.all(artifacts.map(async (artifact) => artifact)).then(
      (referred) => this.#finish(live, referred),
      (error: unknown) => this.#fail(live, error),
    );
  }

  #finish(live: LiveTask, artifacts: readonly Artifact[]): MaybePromise<void> {
    // Storing a large artifact takes a while, in which the task may have been canceled.
    if (live.settled) return undefined;
    const { record } = live;
    for (const artifact of artifacts) void live.emit(addArtifact(record, { artifact, lastChunk: true }));
    return this.#settle(live, setStatus(record, 'TASK_STATE_COMPLETED', this.#options.clock.nowIso()));
  }

  /** Every exception of a handler becomes a typed FAILED: a crash never looks like a clean exit (DESIGN rule 8). */
  #fail(live: LiveTask, error: unknown): MaybePromise<void> {
    if (live.settled) return undefined;
    const { record } = live;
    const text = error instanceof Error && error.message !== '' ? error.message : String(error);
    const code = codeOf(error);
    this.#options.logger.error('a task failed', { taskId: live.key, code, error: text });
    const message = agentMessage(record.task, this.#options.newId(), [{ text }], { code });
    return this.#settle(live, setStatus(record, 'TASK_STATE_FAILED', this.#options.clock.nowIso(), message));
  }

  /** Store first, then tell (DESIGN rule 1). From here on the run is not heard any more. */
  #settle(live: LiveTask, item: StreamResponse): MaybePromise<void> {
    live.settled = true;
    let saved: MaybePromise<void>;
    try {
      saved = this.#options.store.save(live.record, 'commit');
    } catch (error) {
      saved = Promise.reject(error);
    }
    if (!isPromise(saved)) return this.#tell(live, item);
    live.settling = saved
      .catch((error: unknown) =>
        this.#options.logger.error('the end of a task could not be stored', {
          taskId: live.key,
          error: String(error),
        }),
      )
      .then(() => this.#tell(live, item));
    return live.settling;
  }

  #tell(live: LiveTask, item: StreamResponse): void {
    this.#forget(live);
    live.telemetry?.end(live.record.task.status.state);
    live.finish(item);
  }

  async #handOver(
    live: LiveTask,
    message: Message,
    requestMetadata: Record<string, unknown> | undefined,
    delegateId: string,
  ): Promise<void> {
    const { requester, store, clock } = this.#options;
    await handOver(delegateId, {
      live,
      message,
      requestMetadata,
      requester: requester(),
      store: async () => store.save(live.record, 'commit'),
      settle: (...end) => void this.#settle(...end),
      saveProgress: () => this.#saveProgress(live),
      nowIso: () => clock.nowIso(),
    });
  }

  /** The handler ended while its task waits for an authorization: the next message starts a new run. */
  #rest(live: LiveTask): MaybePromise<void> {
    const { status, id, contextId } = live.record.task;
    return this.#settle(live, { statusUpdate: { taskId: id, contextId: contextId ?? '', status } });
  }

  async #withdraw(
    run: Pick<Run, 'live' | 'previous'>,
    error: 'request_expired' | 'responder_unavailable',
    why: string,
  ): Promise<void> {
    const { live, previous } = run;
    const { store, replies, logger } = this.#options;
    this.#forget(live);
    live.telemetry?.end('handed-back');
    live.settled = true;
    try {
      if (previous === undefined) await store.remove(live.key);
      else {
        undoContinue(live.record, previous);
        await store.save(live.record, 'commit');
      }
    } catch (cause) {
      logger.error('a task that did not start could not be taken back', {
        taskId: live.key,
        error: String(cause),
      });
    }
    for (const caller of live.detachAll()) replies.error(caller, bindingError(error, why));
  }

  #saveProgress(live: LiveTask): void {
    if (isSettled(live.record.task.status.state) && live.settled) return;
    try {
      const saved = this.#options.store.save(live.record, 'progress');
      if (isPromise(saved)) saved.catch((error: unknown) => this.#progressLost(live, error));
    } catch (error) {
      this.#progressLost(live, error);
    }
  }

  #progressLost(live: LiveTask, error: unknown): void {
    this.#options.logger.warn('progress of a task could not be stored', {
      taskId: live.key,
      error: String(error),
    });
  }

  #forget(live: LiveTask): void {
    if (this.#live.get(live.key) === live) this.#live.delete(live.key);
    if (this.#live.size === 0) this.#onIdle?.();
  }
}

function codeOf(error: unknown): string {
  const code =
    typeof error === 'object' && error !== null ? (error as { readonly code?: unknown }).code : undefined;
  return typeof code === 'string' && code !== '' ? code : 'handler-error';
}

function isThenable(value: unknown): value is PromiseLike<void | Output> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { readonly then?: unknown }).then === 'function'
  );
}

function asPromise(value: MaybePromise<void>): Promise<void> | undefined {
  return isPromise(value) ? value : undefined;
}
