import type { Logger } from '@shoal/mqtt-link';
import type { Message, StreamResponse, TaskStatus } from '@shoal/protocol';
import { normalizeTaskId } from '@shoal/protocol';
import type { Chunk } from '../core/artifact-chunks.ts';
import { toChunks } from '../core/artifact-chunks.ts';
import type { Caller } from '../core/caller.ts';
import type { TaskRecord } from '../core/task-record.ts';
import { viewTask } from '../core/task-record.ts';
import type { Replies } from './replies.ts';
import type { TaskTelemetry } from './telemetry.ts';

/** Retries and subscribers beyond this many replace the oldest of their kind (reference A5). */
const MAX_UNARY_CALLERS = 4;
const MAX_STREAM_CALLERS = 64;
/** Unacknowledged stream items of one task beyond which `emit` makes the handler wait. */
const EMIT_WINDOW = 64;

export type OnItem = (record: TaskRecord, item: StreamResponse) => void;

/** A task that is queued or running, and everyone who listens to it. */
export class LiveTask {
  readonly key: string;
  readonly record: TaskRecord;
  /** On the clock of receivedAtMs: not started after this. */
  expiresAtMs: number | undefined;
  /** This run is over: whatever its handler still says is not heard. */
  settled = false;
  /** What the task goes back to when its run is handed back: set when the run continues an interrupted task. */
  previous: TaskStatus | undefined;
  /** Resolves when the state in which the run ended is stored. */
  settling: Promise<void> | undefined;
  /** Called once when the run is canceled or out of time. */
  onAbort: (() => void) | undefined;
  /** Takes the message that answers AUTH_REQUIRED while the handler still runs. */
  onMessage: ((message: Message) => void) | undefined;
  /** Of the run, when somebody listens. */
  telemetry: TaskTelemetry | undefined;
  #abort: AbortController | undefined;
  readonly #replies: Replies;
  readonly #logger: Logger;
  readonly #callers: Caller[] = [];
  readonly #onItem: OnItem | undefined;
  readonly #chunkBytes: number;
  #unacknowledged = 0;

  /** `onItem` hears every item, whoever is attached. */
  constructor(replies: Replies, logger: Logger, record: TaskRecord, chunkBytes: number, onItem?: OnItem) {
    this.#chunkBytes = chunkBytes;
    this.#onItem = onItem;
    this.key = normalizeTaskId(record.task.id);
    this.#replies = replies;
    this.#logger = logger;
    this.record = record;
  }

  /** Made when someone asks: most handlers never do. */
  get signal(): AbortSignal {
    return (this.#abort ??= new AbortController()).signal;
  }

  abort(reason: Error): void {
    (this.#abort ??= new AbortController()).abort(reason);
    this.onAbort?.();
    this.onAbort = undefined;
  }

  get callers(): readonly Caller[] {
    return this.#callers;
  }

  /** A streaming caller gets the task first, then every item after it (A2A §3.1.2). */
  attach(caller: Caller): void {
    if (this.#callers.length > 0) this.#makeRoom(caller.streaming);
    this.#callers.push(caller);
    if (caller.streaming)
      void this.#send(caller, JSON.stringify({ task: viewTask(this.record.task, caller) }));
  }

  /** Sends an item to every stream, in order. Returns a promise only when the streams are too far behind. */
  emit(item: StreamResponse): Promise<unknown> | undefined {
    this.#onItem?.(this.record, item);
    if (this.#callers.length === 0) return undefined;
    let encoded: string | undefined;
    let last: Promise<unknown> | undefined;
    for (const caller of this.#callers.slice()) {
      if (!caller.streaming) continue;
      const chunks = this.#chunksFor(caller, item);
      if (chunks === undefined) last = this.#send(caller, (encoded ??= JSON.stringify(item)));
      else for (const chunk of chunks) last = this.#send(caller, chunk);
    }
    return this.#unacknowledged > EMIT_WINDOW ? last : undefined;
  }

  /** The task came to rest: the last item to the streams, the one reply to those that block. Then nobody is attached. */
  finish(lastItem: StreamResponse): void {
    void this.emit(lastItem);
    for (const caller of this.#callers.splice(0)) {
      if (!caller.streaming) this.#replies.task(caller, this.record);
    }
  }

  /** Detaches everyone without a word, to answer them in another way. */
  detachAll(): readonly Caller[] {
    return this.#callers.splice(0);
  }

  #chunksFor({ series }: Caller, { artifactUpdate }: StreamResponse): Chunk[] | undefined {
    if (series === undefined || artifactUpdate === undefined) return undefined;
    return toChunks(artifactUpdate, series, this.#chunkBytes);
  }

  async #send(caller: Caller, item: string | Chunk): Promise<void> {
    this.#unacknowledged += 1;
    try {
      const { handedOverTo } = this.record;
      const ack = await (typeof item === 'string'
        ? this.#replies.item(caller, item, handedOverTo)
        : this.#replies.chunk(caller, item, handedOverTo));
      if (ack.noMatchingSubscribers) this.#drop(caller);
    } catch (error) {
      this.#drop(caller);
      this.#logger.warn('a stream item could not be published; its requester will ask with GetTask', {
        taskId: this.key,
        error: String(error),
      });
    } finally {
      this.#unacknowledged -= 1;
    }
  }

  #makeRoom(streaming: boolean): void {
    const peers = this.#callers.filter((caller) => caller.streaming === streaming);
    const oldest = peers[0];
    const most = streaming ? MAX_STREAM_CALLERS : MAX_UNARY_CALLERS;
    if (oldest !== undefined && peers.length >= most) this.#drop(oldest);
  }

  #drop(caller: Caller): void {
    const index = this.#callers.indexOf(caller);
    if (index >= 0) this.#callers.splice(index, 1);
  }
}
