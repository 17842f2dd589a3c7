import type { Link, Logger } from '@shoal/mqtt-link';
import { within } from '@shoal/mqtt-link/tracing';
import type { SessionRecord } from '@shoal/protocol';
import type { ActiveStep } from '../core/active-step.ts';
import { decideStep } from '../core/decide-step.ts';
import { currentAttempt } from '../core/view.ts';
import type { ArtifactOptions } from '../types/artifact-store.ts';
import type { Blueprint } from '../types/blueprint.ts';
import type { StepEnd, StepOrder } from '../types/order.ts';
import type { Attempt } from './attempt.ts';
import { BegunWork } from './begun-work.ts';
import { onAbort } from './on-abort.ts';
import type { SharedWatch } from './session-watch.ts';
import type { StepInstance } from './step-instance.ts';
import { QUICK_MS } from './step-link.ts';
import { endStepSpan, startStepSpan } from './step-span.ts';
import { StepVoice } from './step-voice.ts';
import { writeOutput } from './write-result.ts';

export interface QuickStepOptions {
  /** The connection of the process. */
  readonly writer: Link;
  readonly order: StepOrder;
  readonly session: SessionRecord;
  readonly active: ActiveStep;
  readonly blueprint: Blueprint;
  readonly shared: SharedWatch;
  readonly artifacts: ArtifactOptions | undefined;
  readonly signal: AbortSignal | undefined;
  readonly logger: Logger;
  readonly now: () => number;
  /** An instance that goes on with the work, over a connection of its own where it needs one. */
  readonly toInstance: (work: BegunWork) => StepInstance;
}

/**
 * A first attempt that works at once, ends at once and says nothing but its result: most steps. Whatever else comes up, a failure, a
 * cancellation, a lost connection, 50 ms without an end, or code that asks for its link, is an instance's business: it takes over the
 * work that was begun.
 */
export class QuickStep {
  readonly #options: QuickStepOptions;
  readonly #work: BegunWork;
  readonly #attempt: Attempt;
  #instance: StepInstance | undefined;
  #wake: () => void = () => undefined;
  #stopWaiting: () => void = () => undefined;
  #hasEnded = false;

  constructor(options: QuickStepOptions) {
    this.#options = options;
    const { writer: link, order, session, active, shared, logger, now } = options;
    this.#work = new BegunWork({ startedAtMs: now(), afterIntent: false });
    const view = () => shared.view;
    const voice = new StepVoice({
      link,
      order,
      session,
      now,
      logger,
      view,
      expect: (topic, bytes, record) => shared.expect(topic, bytes, record),
      isQuick: () => true,
      mayProgress: () =>
        this.#mayWrite() && currentAttempt(shared.view.steps.get(order.stepId)) <= order.attempt,
    });
    this.#attempt = {
      link,
      order,
      session,
      active,
      voice,
      view,
      sync: () => shared.sync(),
      now,
      logger,
      flags: new Set(),
    };
  }

  async run(): Promise<StepEnd> {
    const { signal } = this.#options;
    // Nothing waits for the signal: the instance does, which lives longer.
    const stop = (): void => {
      this.#handOver();
      this.#stopWaiting();
    };
    const stopListening = signal === undefined ? undefined : onAbort(signal, stop);
    try {
      const end = signal?.aborted === true ? undefined : await this.#workAndWrite();
      if (end === undefined) return await this.#handOver().run();
      this.#hasEnded = true;
      return end;
    } finally {
      stopListening?.();
    }
  }

  /** Undefined: an instance goes on. */
  async #workAndWrite(): Promise<StepEnd | undefined> {
    await this.#begin();
    const { end, startedAtMs } = this.#work;
    if (end?.end !== 'output' || !this.#counts()) return undefined;
    const written = writeOutput(this.#attempt, end.output, startedAtMs);
    try {
      // Not handed over before it has arrived, or the instance could write another.
      await new Promise<void>((resolve, reject) => {
        this.#stopWaiting = resolve;
        written.then(resolve, reject);
      });
    } catch (error) {
      const { logger, order } = this.#options;
      logger.debug('interrupted', { stepId: order.stepId, error: String(error) });
      return undefined;
    }
    if (this.#instance !== undefined) return undefined;
    const { order, shared } = this.#options;
    return { end: 'done', state: shared.view.steps.get(order.stepId)?.result?.state ?? 'completed' };
  }

  /** Resolves when the work has ended, has lasted too long, or was handed over. */
  async #begin(): Promise<void> {
    const { session, active, blueprint, order, shared, logger, artifacts } = this.#options;
    const { voice } = this.#attempt;
    voice.progress('running', active.planned.description ?? `step ${active.planned.id} runs`);
    const span = startStepSpan(this.#attempt, blueprint.id);
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, QUICK_MS);
      within(span, () =>
        this.#work.begin(
          {
            blueprint,
            session,
            active,
            view: shared.view,
            attempt: order.attempt,
            requester: () => this.#handOver().openRequester(),
            link: () => this.#handOver().linkOfCode(),
            progress: (text, data) => {
              if (this.#instance === undefined) voice.progress('progress', text, data);
              else this.#instance.progress(text, data);
            },
            logger,
            artifacts,
          },
          () => {
            endStepSpan(span, this.#work.end);
            this.#instance?.onWorkEnd();
            resolve();
          },
        ),
      );
    });
    clearTimeout(timer);
  }

  /** Nothing has come between since the work began. */
  #counts(): boolean {
    const { shared, order, now } = this.#options;
    return this.#mayWrite() && decideStep(shared.view, order, now(), true).do === 'run';
  }

  #mayWrite(): boolean {
    const { writer, shared } = this.#options;
    return this.#instance === undefined && writer.state === 'online' && !shared.ended;
  }

  #handOver(): StepInstance {
    if (this.#instance !== undefined) return this.#instance;
    this.#instance = this.#options.toInstance(this.#work);
    this.#wake();
    // Code that asks for its link when its step has ended gets one that is closed.
    if (this.#hasEnded) this.#instance.run().catch(() => undefined);
    return this.#instance;
  }
}
