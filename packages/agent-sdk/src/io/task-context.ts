import type { Context } from '@opentelemetry/api';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import type { Logger } from '@shoal/mqtt-link';
import type { Artifact, Message, Part, StreamResponse, Task } from '@shoal/protocol';
import type { Identity } from '../core/identity.ts';
import type { MaybePromise } from '../core/keyed-lock.ts';
import { dataOf, textOf } from '../core/message-content.ts';
import type { ArtifactInput, Output } from '../core/output.ts';
import { faultOfParts, toArtifact, toParts } from '../core/output.ts';
import { requesterOf } from '../core/requester-of.ts';
import type { TaskRecord } from '../core/task-record.ts';
import { addArtifact, agentMessage, setStatus } from '../core/task-record.ts';
import type { LiveTask } from './live-task.ts';
import type { Requester } from './requester-types.ts';

/** What a prompt or a status says: text, or parts. */
export type Say =
  | string
  | { readonly text?: string; readonly data?: unknown; readonly parts?: readonly Part[] };

export type TaskHandler = (task: TaskContext) => MaybePromise<void | Output>;

/**
 * One run of the handler: one message of one task. After the task ended (completed, failed, canceled, waiting for input) what the
 * run still reports is dropped without an error.
 */
export interface TaskContext {
  readonly taskId: string;
  readonly contextId: string;
  /** The message that started this run. */
  readonly message: Message;
  /** Its text parts, one per line. */
  readonly text: string;
  /** Its first data part. */
  readonly data: unknown;
  /** `message.metadata`. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** `params.metadata` of the request. */
  readonly requestMetadata: Readonly<Record<string, unknown>>;
  /**
   * `params.tenant` of the request, a path parameter on HTTP (A2A §4.4.6): a claim of the requester, as every name in it is. Undefined
   * without one, and for a task that runs again after a restart.
   */
  readonly tenant: string | undefined;
  /** `org/unit/agentId` as the response topic names it. A claim of the requester, not a proof. */
  readonly requesterId: string | undefined;
  /**
   * Who sent the message, as proven by its access token (`auth`) or its signature (`encryption`); undefined for an agent without both,
   * and for a task that runs again after a restart. Never holds the token.
   */
  readonly identity: Identity | undefined;
  /** The OpenTelemetry context of the run: see `CallOptions.traceContext`. */
  readonly traceContext: Context;
  /** Messages of the task so far, this run's included. */
  readonly history: readonly Message[];
  /**
   * What the same requester has asked for before in this context: its last 20 tasks, oldest first, as they are now. A context that
   * was silent for `contextExpirySeconds` is forgotten.
   */
  earlierTasks(): Promise<readonly Task[]>;
  /** Aborted by CancelTask, the time limit and `stop`. */
  readonly signal: AbortSignal;
  /** Reports WORKING. Await it in a loop: it waits when the streams are far behind. */
  progress(text: string, data?: unknown): Promise<void>;
  /** Adds an artifact, or parts to one (`append`). Returns its id; await as with `progress`. */
  artifact(
    input: ArtifactInput & { readonly append?: boolean; readonly lastChunk?: boolean },
  ): Promise<string>;
  /** Ends this run with INPUT_REQUIRED. The answer starts a new run with the same task id and the history. */
  inputRequired(prompt: Say): void;
  /**
   * Reports AUTH_REQUIRED and ends all streams; the run may go on when it is authorized by other means. Resolves with the next
   * message, if one comes while the run lasts.
   */
  authRequired(prompt: Say): Promise<Message>;
  /** Ends this run with FAILED, as an exception does. */
  fail(message: Say): void;
  /** Ends this run with REJECTED: the agent will not do this. */
  reject(message: Say): void;
  /**
   * Gives the task to another agent of the same unit, which gets this run's message under the same ids; its answers are repeated here.
   * Resolves when it is done or asks for something. Requesters are told where the task is, and what they send here is passed on.
   */
  handOver(agentId: string): Promise<void>;
  /** Calls other agents over this agent's connection. */
  readonly requester: Requester;
  readonly logger: Logger;
}

/** What a run is given besides its task. */
export interface RunInput {
  readonly message: Message;
  readonly requestMetadata?: Record<string, unknown> | undefined;
  readonly tenant?: string | undefined;
  readonly identity?: Identity | undefined;
}

export interface RunSupport {
  readonly requester: () => Requester;
  readonly logger: Logger;
  nowIso(): string;
  newId(): string;
  readonly earlierTasks: (record: TaskRecord) => Promise<readonly Task[]>;
  /** Large parts become references; throws or rejects with A2aError `artifact-too-large`. */
  refer(artifact: Artifact, taskId: string): MaybePromise<Artifact>;
  saveProgress(live: LiveTask): void;
  settle(live: LiveTask, item: StreamResponse): MaybePromise<void>;
  handOver(
    live: LiveTask,
    message: Message,
    requestMetadata: Record<string, unknown> | undefined,
    delegateId: string,
  ): Promise<void>;
}

/** One object per run and no closures: a run may be all there is to a task. */
export class RunContext implements TaskContext {
  readonly message: Message;
  readonly tenant: string | undefined;
  readonly identity: Identity | undefined;
  readonly #live: LiveTask;
  readonly #support: RunSupport;
  readonly #requestMetadata: Record<string, unknown> | undefined;
  readonly #responseTopic: string | undefined;

  constructor(live: LiveTask, run: RunInput, support: RunSupport) {
    this.#live = live;
    this.message = run.message;
    this.#requestMetadata = run.requestMetadata;
    this.tenant = run.tenant;
    this.identity = run.identity;
    this.#support = support;
    this.#responseTopic = live.callers[0]?.reply.responseTopic;
  }

  get taskId(): string {
    return this.#live.record.task.id;
  }

  get contextId(): string {
    return this.#live.record.task.contextId ?? '';
  }

  get text(): string {
    return textOf(this.message);
  }

  get data(): unknown {
    return dataOf(this.message);
  }

  get metadata(): Readonly<Record<string, unknown>> {
    return this.message.metadata ?? {};
  }

  get requestMetadata(): Readonly<Record<string, unknown>> {
    return this.#requestMetadata ?? {};
  }

  get requesterId(): string | undefined {
    return this.#responseTopic === undefined ? undefined : requesterOf(this.#responseTopic);
  }

  get traceContext(): Context {
    return this.#live.telemetry?.context ?? ROOT_CONTEXT;
  }

  get history(): readonly Message[] {
    return this.#live.record.task.history ?? [];
  }

  earlierTasks(): Promise<readonly Task[]> {
    return this.#support.earlierTasks(this.#live.record);
  }

  get signal(): AbortSignal {
    return this.#live.signal;
  }

  get requester(): Requester {
    return this.#support.requester();
  }

  get logger(): Logger {
    return this.#support.logger;
  }

  async progress(text: string, data?: unknown): Promise<void> {
    const live = this.#live;
    if (live.settled) return;
    const status = this.#say(data === undefined ? { text } : { text, data });
    const pending = live.emit(setStatus(live.record, 'TASK_STATE_WORKING', this.#support.nowIso(), status));
    this.#support.saveProgress(live);
    await pending;
  }

  async artifact(
    input: ArtifactInput & { readonly append?: boolean; readonly lastChunk?: boolean },
  ): Promise<string> {
    const live = this.#live;
    const count = live.record.task.artifacts?.length ?? 0;
    const inline = toArtifact(input, () => `artifact-${count + 1}`);
    const artifact = await this.#support.refer(inline, live.record.task.id);
    if (live.settled) return artifact.artifactId;
    const { append, lastChunk } = input;
    const pending = live.emit(addArtifact(live.record, { artifact, append, lastChunk }));
    this.#support.saveProgress(live);
    await pending;
    return artifact.artifactId;
  }

  inputRequired(prompt: Say): void {
    this.#end('TASK_STATE_INPUT_REQUIRED', prompt);
  }

  authRequired(prompt: Say): Promise<Message> {
    const live = this.#live;
    return new Promise((resolve) => {
      if (live.settled) return;
      live.onMessage = resolve;
      const at = this.#support.nowIso();
      live.finish(setStatus(live.record, 'TASK_STATE_AUTH_REQUIRED', at, this.#say(prompt)));
      this.#support.saveProgress(live);
    });
  }

  fail(reason: Say): void {
    this.#end('TASK_STATE_FAILED', reason);
  }

  reject(reason: Say): void {
    this.#end('TASK_STATE_REJECTED', reason);
  }

  handOver(agentId: string): Promise<void> {
    if (this.#live.settled) return Promise.resolve();
    return this.#support.handOver(this.#live, this.message, this.#requestMetadata, agentId);
  }

  #end(state: 'TASK_STATE_FAILED' | 'TASK_STATE_REJECTED' | 'TASK_STATE_INPUT_REQUIRED', input: Say): void {
    const live = this.#live;
    if (live.settled) return;
    const item = setStatus(live.record, state, this.#support.nowIso(), this.#say(input));
    void this.#support.settle(live, item);
  }

  #say(input: Say): Message {
    return agentMessage(this.#live.record.task, this.#support.newId(), partsOf(input));
  }
}

function partsOf(input: Say): Part[] {
  const parts = typeof input === 'string' ? [{ text: input }] : toParts(input);
  const fault = faultOfParts(parts);
  if (fault !== undefined) throw new TypeError(fault);
  return parts;
}
