import type { Requester } from '@shoal/agent-sdk';
import type { Link } from '@shoal/mqtt-link';
import { within } from '@shoal/mqtt-link/tracing';
import { sessionTopics, type SessionRecord } from '@shoal/protocol';
import { deadlineOf, stepExtendedMs } from '../core/active-step.ts';
import { decideFailure } from '../core/decide-failure.ts';
import { decideStep, type StepDecision } from '../core/decide-step.ts';
import { derivedDraw } from '../core/derived-id.ts';
import { isoTime } from '../core/time.ts';
import { StepError } from '../errors.ts';
import type { ArtifactOptions } from '../types/artifact-store.ts';
import type { Blueprint, Json } from '../types/blueprint.ts';
import type { StepEnd } from '../types/order.ts';
import type { Attempt } from './attempt.ts';
import { BegunWork } from './begun-work.ts';
import { readCanary } from './read-canary.ts';
import { settleOutput } from './run-work.ts';
import { endStepSpan, startStepSpan } from './step-span.ts';
import { writeOutput, writeResult } from './write-result.ts';

export interface StepWorkOptions {
  readonly attempt: Attempt;
  readonly blueprint: Blueprint | undefined;
  /** What was begun before there was an instance: it goes on. */
  readonly begun: BegunWork | undefined;
  readonly requester: () => Requester;
  readonly artifacts?: ArtifactOptions | undefined;
  readonly abortGraceMs: number;
  /** As the step's code may use it. */
  readonly link: () => Link;
  readonly hasEnded: () => boolean;
  /** Resolves when something changed, or then. */
  readonly sleep: (untilMs: number) => Promise<undefined>;
  readonly onEnd: () => void;
}

const NOT_DURABLE = {
  code: 'BROKER_NOT_DURABLE',
  message:
    'the broker forgets retained messages when it restarts: a step that must not act twice is not safe on it',
};

/** What one attempt of a step does: the intent, the blueprint's code, and how it ends. */
export class StepWork {
  readonly #options: StepWorkOptions;
  readonly #attempt: Attempt;
  #work: BegunWork | undefined;

  constructor(options: StepWorkOptions) {
    this.#options = options;
    this.#attempt = options.attempt;
    this.#work = options.begun;
  }

  get begun(): boolean {
    return this.#work !== undefined;
  }

  get hasEnded(): boolean {
    return this.#work?.end !== undefined;
  }

  /** It changes the world, and must not do so twice. */
  get isEffect(): boolean {
    const { blueprint } = this.#options;
    return !(this.#attempt.active.planned.idempotent ?? blueprint?.idempotent ?? true);
  }

  /** The attempt has ended, one way or another: what still runs is told why. */
  abort(code: string, reason: string): void {
    if (this.#work?.end === undefined) this.#work?.abort(new StepError(code, reason));
  }

  /**
   * Canceled, overdue, skipped, unknown, or the end of what others did. Work that runs is stopped first; if it completes all the same,
   * that is the truth.
   */
  async finish(decision: Extract<StepDecision, { do: 'finish' }>): Promise<undefined> {
    const { state, error, output } = decision;
    const work = this.#work;
    if (work === undefined && output !== undefined) return this.#writeChecked(output);
    const { code, message } = error ?? { code: 'ENDED', message: 'the step has ended' };
    if (work !== undefined && work.end === undefined)
      await this.#abortWork(work, new StepError(code, message));
    if (work?.end?.end === 'output') return writeOutput(this.#attempt, work.end.output, work.startedAtMs);
    if (work?.afterIntent === true && !(work.end?.end === 'error' && work.end.deliberate))
      return writeResult(this.#attempt, 'unknown', {
        error: { code: 'EFFECT_UNKNOWN', message: `${code}: ${message}` },
      });
    return writeResult(this.#attempt, state, { error: error ?? { code, message } });
  }

  /** What a fan-out gathered is bound like any output. */
  async #writeChecked(output: Json): Promise<undefined> {
    const { order } = this.#attempt;
    const settled = await settleOutput({ output }, order, this.#options.artifacts);
    if (settled.end === 'output') return writeOutput(this.#attempt, settled.output);
    return writeResult(this.#attempt, 'failed', { error: settled.error });
  }

  /** Begins the work, or goes on with it. Undefined: look at the records again. */
  async run(): Promise<StepEnd | undefined> {
    const { voice, active, session, view, now } = this.#attempt;
    const work = this.#work ?? (await this.#start());
    if (work === undefined) return undefined;
    void voice.say('running');
    const { timeoutSeconds } = active.planned;
    const { extend } = view();
    const timeoutAtMs = Math.max(work.startedAtMs + timeoutSeconds * 1000, stepExtendedMs(extend, active));
    if (work.end === undefined) {
      if (now() < timeoutAtMs)
        return this.#options.sleep(Math.min(timeoutAtMs, deadlineOf(session, extend, active.role)));
      const seconds = Math.round((timeoutAtMs - work.startedAtMs) / 1000);
      const message = `the step had ${seconds} s in one attempt`;
      await this.#abortWork(work, new StepError('STEP_TIMEOUT', message, { retryable: true }));
    }
    if (work.end?.end === 'output') return writeOutput(this.#attempt, work.end.output, work.startedAtMs);
    return this.#onFailure(work);
  }

  /** Intent first, where the step is not idempotent (DESIGN rule 7); then the work. */
  async #start(): Promise<BegunWork | undefined> {
    const { order, session, active, view, now, voice } = this.#attempt;
    const { blueprint } = this.#options;
    const step = active.planned;
    if (blueprint === undefined) {
      const message = `this host has no blueprint "${step.use.blueprint ?? ''}"`;
      return writeResult(this.#attempt, 'failed', { error: { code: 'UNKNOWN_BLUEPRINT', message } });
    }
    const afterIntent = this.isEffect;
    if (afterIntent) {
      if (await this.#isUnsafe()) return undefined;
      const intent = { ...voice.ids(), claimId: order.claimId, at: isoTime(now()) };
      await voice.put(sessionTopics(order).step(order.stepId).intent, intent);
      if (decideStep(view(), order, now()).do !== 'run') return undefined;
    }
    const work = new BegunWork({ startedAtMs: now(), afterIntent });
    this.#work = work;
    voice.progress('running', step.description ?? `step ${step.id} runs`);
    this.#begin(work, blueprint, session);
    return work;
  }

  /** Rule 17: where the intent may be lost, nobody would know of the effect. True: the step has failed for it. */
  async #isUnsafe(): Promise<boolean> {
    const { link, session, flags } = this.#attempt;
    const canary = await readCanary(link, session);
    if (canary?.state !== 'lossy') return false;
    if (canary.refuse) await writeResult(this.#attempt, 'failed', { error: NOT_DURABLE });
    else flags.add(NOT_DURABLE.code);
    return canary.refuse;
  }

  #begin(work: BegunWork, blueprint: Blueprint, session: SessionRecord): void {
    const { order, active, view, voice, logger } = this.#attempt;
    const { requester, artifacts, link, onEnd } = this.#options;
    const span = startStepSpan(this.#attempt, blueprint.id);
    within(span, () =>
      work.begin(
        {
          blueprint,
          session,
          active,
          view: view(),
          attempt: order.attempt,
          requester,
          link,
          progress: (text, data) => voice.progress('progress', text, data),
          logger,
          artifacts,
        },
        () => {
          endStepSpan(span, work.end);
          onEnd();
        },
      ),
    );
  }

  async #abortWork(work: BegunWork, reason: StepError): Promise<void> {
    const { now } = this.#attempt;
    const { abortGraceMs, hasEnded, sleep } = this.#options;
    work.abort(reason);
    const untilMs = now() + abortGraceMs;
    while (work.end === undefined && now() < untilMs && !hasEnded()) await sleep(untilMs);
    work.giveUp();
  }

  async #onFailure(work: BegunWork): Promise<StepEnd | undefined> {
    if (work.end?.end !== 'error') return undefined;
    const { order, now, link, voice, active } = this.#attempt;
    const { error, deliberate } = work.end;
    const { afterIntent, startedAtMs } = work;
    const draw = derivedDraw(order.sessionId, order.stepId, order.attempt);
    const decision = decideFailure(active.planned, order.attempt, { error, deliberate, afterIntent }, draw);
    if (decision.do === 'finish')
      return writeResult(this.#attempt, decision.state, { error: decision.error, startedAtMs });
    await voice.say('retrying', { error, retryAt: isoTime(now() + decision.delayMs) });
    await link.close();
    return { end: 'retrying' };
  }
}
