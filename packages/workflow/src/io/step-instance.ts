import { createRequester, type Requester } from '@shoal/agent-sdk';
import { isLinkError, type Link, type Logger } from '@shoal/mqtt-link';
import {
  sessionTopics,
  type PlannedStep,
  type RecordError,
  type SessionRecord,
  type StepResult,
  type StepResultState,
} from '@shoal/protocol';
import { decideFailure } from '../core/decide-failure.ts';
import { decideStep, type StepDecision } from '../core/decide-step.ts';
import { buildOutcome, taskOf, unfinishedSteps } from '../core/outcome.ts';
import { isoTime } from '../core/time.ts';
import { applyRecord, currentAttempt, type SessionView } from '../core/view.ts';
import { StepError } from '../errors.ts';
import type { Blueprint, StepOutput } from '../types/blueprint.ts';
import type { StepEnd, StepOrder } from '../types/order.ts';
import { answerProbes } from './answer-probes.ts';
import { replyOutcome } from './caller-replies.ts';
import { gatedLink } from './gated-link.ts';
import { Notifier } from './notifier.ts';
import { abortError, runWork, type WorkEnd } from './run-work.ts';
import { SessionWatch } from './session-watch.ts';
import { StepVoice } from './step-voice.ts';
import { writeRecord } from './write-record.ts';

export interface InstanceOptions {
  readonly link: Link;
  readonly order: StepOrder;
  readonly session: SessionRecord;
  /** What was seen before the first connection. */
  readonly first: SessionView;
  readonly blueprint: Blueprint | undefined;
  readonly logger: Logger;
  readonly now: () => number;
  readonly abortGraceMs: number;
  readonly standIn?: {
    readonly state: StepResultState;
    readonly error: RecordError;
    readonly supervisorId: string;
  };
  readonly signal?: AbortSignal;
  readonly carry: (
    held: SessionView,
    found: SessionView,
  ) => readonly (readonly [topic: string, record: unknown])[];
  readonly fencedReason: () => string;
}

/** Work that was begun. It outlives a lost connection: when the connection is back and the attempt still counts, it goes on. */
interface Work {
  readonly abort: AbortController;
  readonly startedAtMs: number;
  readonly afterIntent: boolean;
  end?: WorkEnd;
}

/** One attempt of one step over one fenced link, from the first CONNACK to its last word. */
export class StepInstance {
  readonly #options: InstanceOptions;
  readonly #link: Link;
  readonly #step: PlannedStep;
  readonly #watch: SessionWatch;
  readonly #changed = new Notifier();
  readonly #requester: Requester;
  readonly #voice: StepVoice;
  /** The records were read on this connection. */
  #synced = false;
  /** ... and say that this attempt may act. What the step's code publishes passes here. */
  #gateOpen = false;
  #subscribed = { watch: false, probes: false };
  #held: SessionView | undefined;
  #work: Work | undefined;
  #ended: StepEnd | undefined;

  constructor(options: InstanceOptions) {
    this.#options = options;
    this.#link = options.link;
    this.#held = options.first;
    const { order, session, logger } = options;
    const step = session.steps.find(({ id }) => id === order.stepId);
    if (step === undefined) throw new Error(`session ${session.sessionId} has no step ${order.stepId}`);
    this.#step = step;
    this.#watch = new SessionWatch(this.#link, session, logger, () => this.#onChange());
    this.#voice = new StepVoice({
      ...options,
      view: () => this.#watch.view,
      mayProgress: () => this.#gateOpen && options.standIn === undefined,
    });
    this.#requester = createRequester({
      link: gatedLink(this.#link, () => this.#gateOpen),
      address: { org: order.org, unit: order.unit, agentId: `${order.sessionId}.${order.stepId}` },
      logger,
    });
  }

  async run(): Promise<StepEnd> {
    const stopListening = this.#listen();
    try {
      return await this.#loop();
    } catch (error) {
      // Not even a failed result could be written: leave so that the Will is sent (DESIGN rule 8).
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.logger.error('the instance gives up', { stepId: this.#step.id, reason });
      return await this.#abandon(reason);
    } finally {
      this.#gateOpen = false;
      this.#work?.abort.abort(new StepError('ENDED', 'the attempt has ended'));
      for (const off of stopListening) off();
      await this.#requester.close();
      await this.#link.close();
    }
  }

  #listen(): readonly (() => void)[] {
    const { signal } = this.#options;
    const onStop = (): void => void this.#abandon('the host stops');
    signal?.addEventListener('abort', onStop);
    if (signal?.aborted === true) onStop();
    return [
      this.#link.on('offline', () => this.#onOffline()),
      this.#link.on('online', () => this.#changed.notify()),
      this.#link.on('fenced', () => this.#end({ end: 'superseded', reason: this.#options.fencedReason() })),
      this.#link.on('closed', () => this.#end({ end: 'abandoned', reason: 'the link was closed' })),
      () => signal?.removeEventListener('abort', onStop),
    ];
  }

  #onOffline(): void {
    if (this.#synced) this.#held = this.#watch.view;
    this.#watch.restart();
    this.#synced = false;
    this.#gateOpen = false;
    this.#voice.forget();
    this.#changed.notify();
  }

  /** A change may unseat this attempt: then nothing of it leaves any more, not even in this turn of the event loop. */
  #onChange(): void {
    if (currentAttempt(this.#watch.view.steps.get(this.#step.id)) > this.#options.order.attempt)
      this.#gateOpen = false;
    this.#changed.notify();
  }

  #end(end: StepEnd): void {
    this.#ended ??= end;
    this.#gateOpen = false;
    this.#work?.abort.abort(
      new StepError('SUPERSEDED', end.end === 'superseded' ? end.reason : 'the instance was stopped'),
    );
    this.#changed.notify();
  }

  async #abandon(reason: string): Promise<StepEnd> {
    this.#end({ end: 'abandoned', reason });
    await this.#link.close({ reasonCode: 0x04 });
    return { end: 'abandoned', reason };
  }

  async #loop(): Promise<StepEnd> {
    for (;;) {
      if (this.#ended !== undefined) return this.#ended;
      try {
        if (!(await this.#confirm())) await this.#sleep();
        else {
          const end = await this.#act();
          if (end !== undefined) return end;
        }
      } catch (error) {
        if (!isConnectionTrouble(error)) throw error;
        this.#options.logger.debug('interrupted', { stepId: this.#step.id, error: String(error) });
        if (this.#link.state === 'online') await this.#sleep(this.#options.now() + 50);
      }
    }
  }

  /** Reads the records on the present connection, before anything is published on it. False while there is none. */
  async #confirm(): Promise<boolean> {
    if (this.#link.state !== 'online') return false;
    if (this.#synced) return true;
    const { order, session, logger, now } = this.#options;
    if (!this.#subscribed.watch) await this.#watch.open();
    this.#subscribed.watch = true;
    const view = await this.#watch.sync();
    const held = this.#held;
    if (held !== undefined && now() < Date.parse(session.deadlineAt)) {
      for (const [topic, record] of this.#options.carry(held, view)) {
        logger.warn('the broker had lost a record', { topic });
        await writeRecord(this.#link, session, topic, record, now());
        applyRecord(view, topic, JSON.stringify(record));
      }
    }
    this.#held = undefined;
    if (!this.#subscribed.probes) {
      const address = { org: order.org, unit: order.unit, agentId: `${order.sessionId}.${order.stepId}` };
      const task = () => taskOf(this.#watch.view);
      await answerProbes(this.#link, { address, attempt: order.attempt, task, logger });
      this.#subscribed.probes = true;
    }
    // A plan is immutable: what stands there instead of ours is not executed.
    if (view.session !== undefined && view.session.planHash !== session.planHash) view.session = session;
    this.#synced = this.#link.state === 'online';
    return this.#synced;
  }

  async #act(): Promise<StepEnd | undefined> {
    const { order, now, standIn } = this.#options;
    const decision = decideStep(this.#watch.view, order, now());
    this.#gateOpen = decision.do === 'run' || decision.do === 'close';
    switch (decision.do) {
      case 'stand-down':
        return this.#leave(decision.reason);
      case 'close':
        return this.#close();
      case 'finish':
        return this.#finishUnworked(decision);
      case 'wait':
        if (standIn !== undefined) return this.#writeResult(standIn.state, { error: standIn.error });
        void this.#voice.say('waiting');
        return this.#sleep(decision.untilMs);
      case 'run':
        if (standIn !== undefined) return this.#writeResult(standIn.state, { error: standIn.error });
        return this.#onRun();
    }
    return undefined;
  }

  async #leave(reason: string): Promise<StepEnd> {
    const result = this.#watch.view.steps.get(this.#step.id)?.result;
    if (result?.claimId !== this.#options.order.claimId) {
      this.#end({ end: 'superseded', reason });
      await this.#link.close();
      return { end: 'superseded', reason };
    }
    return this.#done(result.state);
  }

  /** The last word, then a clean exit: no Will, nothing to respawn. */
  async #done(state: string): Promise<StepEnd> {
    await this.#voice.say('done');
    await this.#link.close();
    return { end: 'done', state };
  }

  /** Canceled, overdue, skipped or unknown. Work that runs is stopped first; if it completes all the same, that is the truth. */
  async #finishUnworked(decision: Extract<StepDecision, { do: 'finish' }>): Promise<undefined> {
    const work = this.#work;
    if (work !== undefined && work.end === undefined) {
      const { code, message } = decision.error;
      await this.#abortWork(work, new StepError(code, message));
    }
    if (work?.end?.end === 'output') return this.#writeOutput(work, work.end.output);
    if (work?.afterIntent === true && !(work.end?.end === 'error' && work.end.deliberate))
      return this.#writeResult('unknown', {
        error: { code: 'EFFECT_UNKNOWN', message: `${decision.error.code}: ${decision.error.message}` },
      });
    return this.#writeResult(decision.state, { error: decision.error });
  }

  async #onRun(): Promise<StepEnd | undefined> {
    const work = this.#work ?? (await this.#start());
    if (work === undefined) return undefined;
    void this.#voice.say('running');
    const timeoutAtMs = work.startedAtMs + this.#step.timeoutSeconds * 1000;
    if (work.end === undefined) {
      if (this.#options.now() < timeoutAtMs)
        return this.#sleep(Math.min(timeoutAtMs, Date.parse(this.#options.session.deadlineAt)));
      const message = `the step had ${this.#step.timeoutSeconds} s in one attempt`;
      await this.#abortWork(work, new StepError('STEP_TIMEOUT', message, { retryable: true }));
    }
    if (work.end?.end === 'output') return this.#writeOutput(work, work.end.output);
    return this.#onFailure(work);
  }

  /** Intent first, where the step is not idempotent (DESIGN rule 7); then the work. */
  async #start(): Promise<Work | undefined> {
    const { blueprint, order, now, logger } = this.#options;
    if (blueprint === undefined) {
      const message = `this host has no blueprint "${this.#step.use.blueprint ?? ''}"`;
      return this.#writeResult('failed', { error: { code: 'UNKNOWN_BLUEPRINT', message } });
    }
    const afterIntent = !(this.#step.idempotent ?? blueprint.idempotent ?? true);
    if (afterIntent) {
      const intent = { ...this.#voice.ids(), claimId: order.claimId, at: isoTime(now()) };
      await this.#voice.put(sessionTopics(order).step(order.stepId).intent, intent);
      if (decideStep(this.#watch.view, order, now()).do !== 'run') return undefined;
    }
    const work: Work = { abort: new AbortController(), startedAtMs: now(), afterIntent };
    this.#work = work;
    this.#voice.progress('running', this.#step.description ?? `step ${this.#step.id} runs`);
    const running = runWork({
      blueprint,
      session: this.#options.session,
      step: this.#step,
      view: this.#watch.view,
      attempt: order.attempt,
      signal: work.abort.signal,
      requester: this.#requester,
      link: gatedLink(this.#link, () => this.#gateOpen),
      progress: (text, data) => this.#voice.progress('progress', text, data),
      logger,
    });
    void this.#settle(work, running);
    return work;
  }

  async #settle(work: Work, running: Promise<WorkEnd>): Promise<void> {
    const end = await running;
    work.end ??= end;
    this.#changed.notify();
  }

  async #abortWork(work: Work, reason: StepError): Promise<void> {
    work.abort.abort(reason);
    const untilMs = this.#options.now() + this.#options.abortGraceMs;
    while (work.end === undefined && this.#options.now() < untilMs && this.#ended === undefined)
      await this.#sleep(untilMs);
    work.end ??= { end: 'error', error: abortError(work.abort.signal), deliberate: false };
  }

  async #onFailure(work: Work): Promise<StepEnd | undefined> {
    if (work.end?.end !== 'error') return undefined;
    const { order, now } = this.#options;
    const { error, deliberate } = work.end;
    const decision = decideFailure(this.#step, order.attempt, {
      error,
      deliberate,
      afterIntent: work.afterIntent,
    });
    if (decision.do === 'finish') return this.#writeResult(decision.state, { error: decision.error, work });
    await this.#voice.say('retrying', { error, retryAt: isoTime(now() + decision.delayMs) });
    await this.#link.close();
    return { end: 'retrying' };
  }

  async #writeOutput(work: Work, output: StepOutput): Promise<undefined> {
    const { artifacts, summary } = output;
    try {
      return await this.#writeResult('completed', {
        output: output.output,
        ...(artifacts === undefined ? {} : { artifacts: [...artifacts] }),
        ...(summary === undefined ? {} : { summary: summary.slice(0, 4000) }),
        work,
      });
    } catch (error) {
      if (!isLinkError(error, 'publish-refused')) throw error;
      const message = `the broker refused the result: ${error.message}`;
      return this.#writeResult('failed', { error: { code: 'RESULT_REFUSED', message }, work });
    }
  }

  async #writeResult(
    state: StepResultState,
    rest: Pick<StepResult, 'output' | 'artifacts' | 'summary' | 'error'> & { readonly work?: Work },
  ): Promise<undefined> {
    const { order, now, standIn } = this.#options;
    const { work, ...content } = rest;
    const result: StepResult = {
      ...this.#voice.ids(),
      claimId: order.claimId,
      state,
      ...content,
      ...(work === undefined ? {} : { startedAt: isoTime(work.startedAtMs) }),
      at: isoTime(now()),
      ...(standIn === undefined ? {} : { supervisorId: standIn.supervisorId }),
    };
    await this.#voice.put(sessionTopics(order).step(order.stepId).result, result);
    this.#voice.progress(
      state,
      content.summary ?? content.error?.message ?? `step ${this.#step.id} ${state}`,
    );
    return undefined;
  }

  /** Rule 13: every step has its result, then the outcome, then the callers are read and answered, then `done`. */
  async #close(): Promise<StepEnd | undefined> {
    const { order, session, now, standIn, logger } = this.#options;
    const view = this.#watch.view;
    if (unfinishedSteps(session, view).length > 0) {
      if (standIn !== undefined) {
        // Other steps end by themselves or by their own stand-in; the supervisor comes back for this one.
        await this.#link.close({ reasonCode: 0x04 });
        return { end: 'abandoned', reason: 'other steps have not ended' };
      }
      return this.#sleep(Date.parse(session.expiresAt));
    }
    const outcome = view.outcome ?? buildOutcome(view, now(), standIn?.supervisorId);
    if (outcome === undefined) return undefined;
    if (view.outcome === undefined) await this.#voice.put(sessionTopics(order).outcome, outcome);
    // Write, then read (rule 14): a caller that is not in the view now will find the outcome.
    await this.#watch.sync();
    await Promise.all(
      [...this.#watch.view.callers.values()].map((caller) =>
        replyOutcome(this.#link, caller, outcome, logger),
      ),
    );
    return this.#done(view.steps.get(this.#step.id)?.result?.state ?? outcome.state);
  }

  async #sleep(untilMs?: number): Promise<undefined> {
    await this.#changed.wait(untilMs, this.#options.now);
    return undefined;
  }
}

/** Errors after which the records are read again on the next connection, and everything is decided anew. */
function isConnectionTrouble(error: unknown): boolean {
  return ['not-connected', 'connection-lost', 'ack-timeout', 'fenced', 'closed'].some((code) =>
    isLinkError(error, code as 'fenced'),
  );
}
