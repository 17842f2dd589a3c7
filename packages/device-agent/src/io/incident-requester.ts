import { foldItem, isA2aError, textOf, type Clock, type Requester, type TaskStream } from '@shoal/agent-sdk';
import type { Logger } from '@shoal/mqtt-link';
import { contextFrom } from '@shoal/mqtt-link/tracing';
import { isTerminal, parseClientId, type AgentAddress, type Task, type TraceContext } from '@shoal/protocol';
import {
  MAX_OUTCOME_CHARACTERS,
  putRequest,
  standingRequest,
  type IncidentMessage,
  type IncidentRequest,
} from '../core/agent/requests.ts';
import { uuidFrom } from './uuid-from.ts';

export interface IncidentRequesterOptions {
  /** Asked for its requester when a request goes out. */
  readonly requester: { readonly requester: Requester };
  /** Undefined: incidents are kept and nobody is asked. */
  readonly workflow: AgentAddress | undefined;
  readonly requests: readonly IncidentRequest[];
  /** Makes the requests durable; resolves when they are. */
  readonly persist: () => Promise<void>;
  readonly onChange: (request: IncidentRequest) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a workflow that does not answer is asked again. */
  readonly giveUpAfterMs: number;
  /**
   * Incidents within so much device time after a request are not asked about when it completes: its answer stands. Until then the last of
   * them waits, and is asked about if the request fails.
   */
  readonly askAgainAfterMs: number;
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Asks a workflow once for each incident. The request is written down before it is sent and has ids derived from the incident, so
 * that a successor sends the same request and is given the same outcome.
 */
export class IncidentRequester {
  readonly #options: IncidentRequesterOptions;
  readonly #stopping = new AbortController();
  readonly #following = new Set<Promise<void>>();
  #requests: readonly IncidentRequest[];

  constructor(options: IncidentRequesterOptions) {
    this.#options = options;
    this.#requests = options.requests;
  }

  get requests(): readonly IncidentRequest[] {
    return this.#requests;
  }

  /** Takes up what a predecessor left open or waiting. */
  resume(): void {
    for (const request of this.#requests) if (request.state === 'open') this.#start(request);
    this.#release();
  }

  /** `trace`: of the sample that raised the incident. */
  open(message: IncidentMessage, trace?: TraceContext): void {
    const { workflow, logger } = this.#options;
    const { incidentId } = message.evidence;
    if (workflow === undefined || this.#requests.some((request) => request.incidentId === incidentId)) return;
    const standing = standingRequest(this.#requests, message, this.#options.askAgainAfterMs);
    if (standing?.state === 'ended') {
      logger.info('not asked again: the last answer stands', {
        incidentId,
        since: standing.message.detectedAt,
      });
      return;
    }
    const target = `${workflow.org}/${workflow.unit}/${workflow.agentId}`;
    const seed = `${target} ${message.agentId} ${incidentId} ${message.detectedAt}`;
    const request: IncidentRequest = {
      incidentId,
      taskId: uuidFrom(`task ${seed}`),
      messageId: uuidFrom(`message ${seed}`),
      target,
      message,
      ...(trace === undefined ? {} : { trace }),
      state: standing === undefined ? 'open' : 'waiting',
    };
    // One waits at a time: the last.
    const others = this.#requests.filter(({ state }) => standing === undefined || state !== 'waiting');
    const requests = putRequest(others, request);
    if (requests === undefined) {
      logger.error('too many requests are open: this incident is not reported', { incidentId });
      return;
    }
    this.#requests = requests;
    if (request.state === 'open') this.#start(request);
    else this.#wait(request, standing!);
  }

  /** Leaves open requests to a successor. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled(this.#following);
  }

  #wait({ incidentId }: IncidentRequest, { taskId }: IncidentRequest): void {
    const { logger, persist } = this.#options;
    logger.info('not asked yet: the answer to an open request may stand', { incidentId, taskId });
    persist().catch((error: unknown) =>
      logger.warn('an incident that waits is not durable yet', { incidentId, error: String(error) }),
    );
  }

  /** Asks about what waited, unless an answer has come that stands for it. */
  #release(): void {
    const waiting = this.#requests.find(({ state }) => state === 'waiting');
    if (waiting === undefined) return;
    this.#requests = this.#requests.filter((request) => request !== waiting);
    this.open(waiting.message, waiting.trace);
  }

  #start(request: IncidentRequest): void {
    const run = this.#follow(request).catch((error: unknown) => {
      if (!this.#stopping.signal.aborted)
        this.#options.logger.error('a request was dropped', { error: String(error) });
    });
    this.#following.add(run);
    void run.finally(() => this.#following.delete(run));
  }

  async #follow(request: IncidentRequest): Promise<void> {
    const { clock, giveUpAfterMs, logger, persist } = this.#options;
    let heardAtMs = clock.nowMs();
    let durable = false;
    let known = false;
    for (
      let pauseMs = FIRST_PAUSE_MS;
      !this.#stopping.signal.aborted;
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)
    ) {
      try {
        if (!durable) await persist();
        durable = true;
        const task = await this.#readToEnd(request, known);
        if (task !== undefined && isTerminal(task.status.state)) return this.#finish(request, ended(task));
        known = task !== undefined;
        heardAtMs = clock.nowMs();
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        const { target, taskId } = request;
        logger.warn('the workflow did not answer', { target, taskId, error: String(error) });
        // A task that was lost with its broker is made again by the same request.
        const final = durable && !known && isFinal(error);
        known = false;
        if (final || clock.nowMs() >= heardAtMs + giveUpAfterMs) {
          return this.#finish(request, { state: 'given-up', error: String(error) });
        }
      }
      await pause(clock, pauseMs, this.#stopping.signal);
    }
  }

  /** One stream from its first item to its end; the task may still wait for something then. */
  async #readToEnd(request: IncidentRequest, known: boolean): Promise<Task | undefined> {
    const { requester } = this.#options.requester;
    const { taskId, messageId, message, trace } = request;
    const target = parseClientId(request.target)!;
    const { signal } = this.#stopping;
    const options = { signal, ...(trace === undefined ? {} : { traceContext: contextFrom(trace) }) };
    const data = { ...message };
    const stream: TaskStream = known
      ? requester.subscribe(target, { id: taskId }, options)
      : requester.stream(
          target,
          { data, taskId, messageId, contextId: uuidFrom(`context ${taskId}`) },
          options,
        );
    let task: Task | undefined;
    for await (const item of stream) task = foldItem(task, item);
    return task;
  }

  async #finish(before: IncidentRequest, change: Partial<IncidentRequest>): Promise<void> {
    const request: IncidentRequest = { ...before, ...change };
    this.#requests = this.#requests.map((one) => (one.incidentId === request.incidentId ? request : one));
    this.#release();
    try {
      await this.#options.persist();
    } catch (error) {
      // Written again with the next change; a successor that does not know it asks again and is told the same.
      this.#options.logger.warn('the outcome of a request is not durable yet', { error: String(error) });
    }
    this.#options.onChange(request);
  }
}

/** Local errors that say nothing about the request itself. */
const WORTH_ANOTHER_TRY = new Set([
  'timeout',
  'no-responder',
  'publish-failed',
  'stream-idle',
  'stream-overflow',
]);

/** Asking again cannot help. */
function isFinal(error: unknown): boolean {
  return isA2aError(error) && !error.retryable && !WORTH_ANOTHER_TRY.has(error.code);
}

function ended(task: Task): Partial<IncidentRequest> {
  const summary = task.status.message === undefined ? undefined : textOf(task.status.message).slice(0, 500);
  const data = task.artifacts
    ?.flatMap(({ parts }) => parts)
    .findLast((part) => part.data !== undefined)?.data;
  const fits = data !== undefined && JSON.stringify(data).length <= MAX_OUTCOME_CHARACTERS;
  return {
    state: 'ended',
    taskState: task.status.state,
    ...(summary === undefined || summary === '' ? {} : { summary }),
    ...(fits ? { outcome: data } : {}),
  };
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.setTimer(done, ms);
    function done(): void {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}
