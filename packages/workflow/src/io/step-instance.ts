import { createRequester, type Requester } from '@shoal/agent-sdk';
import { isLinkError, type Link, type Logger } from '@shoal/mqtt-link';
import { sessionTopics, type PlannedStep, type SessionRecord } from '@shoal/protocol';
import { deadlineOf, findStep, lastActMs } from '../core/active-step.ts';
import { decideFailure } from '../core/decide-failure.ts';
import { decideStep, type StepDecision } from '../core/decide-step.ts';
import { taskOf, unfinishedSteps } from '../core/outcome.ts';
import { isoTime } from '../core/time.ts';
import { applyRecord, currentAttempt, type SessionView } from '../core/view.ts';
import { derivedDraw } from '../core/derived-id.ts';
import { StepError } from '../errors.ts';
import type { Blueprint, Json } from '../types/blueprint.ts';
import type { StepEnd, StepOrder } from '../types/order.ts';
import { answerProbes } from './answer-probes.ts';
import { askApproval, tellPending } from './ask-approval.ts';
import type { Attempt, StandIn } from './attempt.ts';
import { BegunWork } from './begun-work.ts';
import { closeSession } from './close-session.ts';
import { pinItems } from './fan-out-items.ts';
import { gatedLink } from './gated-link.ts';
import { Notifier } from './notifier.ts';
import { readCanary } from './read-canary.ts';
import { checkOutput } from './run-work.ts';
import { SessionWatch } from './session-watch.ts';
import { StepVoice } from './step-voice.ts';
import { writeRecord } from './write-record.ts';
import { writeOutput, writeResult } from './write-result.ts';

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
  readonly standIn?: StandIn;
  readonly signal?: AbortSignal;
  readonly carry: (
    held: SessionView,
    found: SessionView,
  ) => readonly (readonly [topic: string, record: unknown])[];
  readonly fencedReason: () => string;
}

const NOT_DURABLE = {
  code: 'BROKER_NOT_DURABLE',
  message:
    'the broker forgets retained messages when it restarts: a step that must not act twice is not safe on it',
};

/** One attempt of one step over one fenced link, from the first CONNACK to its last word. */
export class StepInstance {
  readonly #options: InstanceOptions;
  readonly #link: Link;
  readonly #step: PlannedStep;
  readonly #watch: SessionWatch;
  readonly #changed = new Notifier();
  readonly #requester: Requester;
  readonly #voice: StepVoice;
  readonly #attempt: Attempt;
  /** The records were read on this connection. */
  #synced = false;
  /** ... and say that this attempt may act. What the step's code publishes passes here. */
  #gateOpen = false;
  #subscribed = { watch: false, probes: false };
  #held: SessionView | undefined;
  #work: BegunWork | undefined;
  #ended: StepEnd | undefined;

  constructor(options: InstanceOptions) {
    this.#options = options;
    this.#link = options.link;
    this.#held = options.first;
    const { order, session, logger } = options;
    const active = findStep(options.first, order.stepId);
    if (active === undefined) throw new Error(`session ${session.sessionId} has no step ${order.stepId}`);
    this.#step = active.planned;
    this.#watch = new SessionWatch(this.#link, session, logger, () => this.#onChange());
    this.#voice = new StepVoice({
      ...options,
      view: () => this.#watch.view,
      mayProgress: () => this.#gateOpen && options.standIn === undefined,
    });
    this.#attempt = {
      ...options,
      active,
      voice: this.#voice,
      view: () => this.#watch.view,
      sync: () => this.#watch.sync(),
      flags: new Set(),
    };
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
      this.#work?.abort(new StepError('ENDED', 'the attempt has ended'));
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
    this.#work?.abort(
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
    if (held !== undefined && now() < lastActMs(session)) {
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
    const begun = this.#work !== undefined;
    const decision = decideStep(this.#watch.view, { ...order, begun }, now());
    this.#gateOpen = decision.do === 'run' || decision.do === 'close';
    switch (decision.do) {
      case 'stand-down':
        return this.#leave(decision.reason);
      case 'close':
        return this.#close();
      case 'finish':
        return this.#finishUnworked(decision);
      case 'park':
        return this.#park();
      default:
        if (standIn !== undefined) return writeResult(this.#attempt, standIn.state, { error: standIn.error });
        return this.#goOn(decision);
    }
  }

  async #goOn(
    decision: Extract<StepDecision, { do: 'wait' | 'run' | 'expand' | 'ask' }>,
  ): Promise<StepEnd | undefined> {
    if (decision.do === 'run') return this.#onRun();
    void this.#voice.say('waiting');
    if (decision.do === 'expand') return pinItems(this.#attempt);
    if (decision.do === 'ask') return askApproval(this.#attempt);
    return this.#sleep(decision.untilMs);
  }

  /** Nothing to do until others have acted: a supervisor sees the records and spawns the next attempt then. */
  async #park(): Promise<StepEnd> {
    if (this.#step.use.approval !== undefined) await tellPending(this.#attempt);
    await this.#voice.say('parked');
    await this.#link.close();
    return { end: 'parked' };
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

  /**
   * Canceled, overdue, skipped, unknown, or the end of what others did. Work that runs is stopped first; if it completes all the same,
   * that is the truth.
   */
  async #finishUnworked(decision: Extract<StepDecision, { do: 'finish' }>): Promise<undefined> {
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
  #writeChecked(output: Json): Promise<undefined> {
    const checked = checkOutput({ output });
    if (checked.end === 'output') return writeOutput(this.#attempt, checked.output);
    return writeResult(this.#attempt, 'failed', { error: checked.error });
  }

  async #onRun(): Promise<StepEnd | undefined> {
    const work = this.#work ?? (await this.#start());
    if (work === undefined) return undefined;
    void this.#voice.say('running');
    const timeoutAtMs = work.startedAtMs + this.#step.timeoutSeconds * 1000;
    if (work.end === undefined) {
      if (this.#options.now() < timeoutAtMs)
        return this.#sleep(
          Math.min(timeoutAtMs, deadlineOf(this.#options.session, this.#attempt.active.role)),
        );
      const message = `the step had ${this.#step.timeoutSeconds} s in one attempt`;
      await this.#abortWork(work, new StepError('STEP_TIMEOUT', message, { retryable: true }));
    }
    if (work.end?.end === 'output') return writeOutput(this.#attempt, work.end.output, work.startedAtMs);
    return this.#onFailure(work);
  }

  /** Intent first, where the step is not idempotent (DESIGN rule 7); then the work. */
  async #start(): Promise<BegunWork | undefined> {
    const { blueprint, order, session, now, logger } = this.#options;
    if (blueprint === undefined) {
      const message = `this host has no blueprint "${this.#step.use.blueprint ?? ''}"`;
      return writeResult(this.#attempt, 'failed', { error: { code: 'UNKNOWN_BLUEPRINT', message } });
    }
    const afterIntent = !(this.#step.idempotent ?? blueprint.idempotent ?? true);
    if (afterIntent) {
      // Rule 17: where the intent may be lost, nobody would know of the effect.
      const canary = await readCanary(this.#link, session);
      if (canary?.state === 'lossy') {
        if (canary.refuse) return writeResult(this.#attempt, 'failed', { error: NOT_DURABLE });
        this.#attempt.flags.add(NOT_DURABLE.code);
      }
      const intent = { ...this.#voice.ids(), claimId: order.claimId, at: isoTime(now()) };
      await this.#voice.put(sessionTopics(order).step(order.stepId).intent, intent);
      if (decideStep(this.#watch.view, order, now()).do !== 'run') return undefined;
    }
    const work = new BegunWork({ startedAtMs: now(), afterIntent });
    this.#work = work;
    this.#voice.progress('running', this.#step.description ?? `step ${this.#step.id} runs`);
    work.begin(
      {
        blueprint,
        session,
        active: this.#attempt.active,
        view: this.#watch.view,
        attempt: order.attempt,
        requester: this.#requester,
        link: gatedLink(this.#link, () => this.#gateOpen),
        progress: (text, data) => this.#voice.progress('progress', text, data),
        logger,
      },
      () => this.#changed.notify(),
    );
    return work;
  }

  async #abortWork(work: BegunWork, reason: StepError): Promise<void> {
    work.abort(reason);
    const untilMs = this.#options.now() + this.#options.abortGraceMs;
    while (work.end === undefined && this.#options.now() < untilMs && this.#ended === undefined)
      await this.#sleep(untilMs);
    work.giveUp();
  }

  async #onFailure(work: BegunWork): Promise<StepEnd | undefined> {
    if (work.end?.end !== 'error') return undefined;
    const { order, now } = this.#options;
    const { error, deliberate } = work.end;
    const { afterIntent, startedAtMs } = work;
    const draw = derivedDraw(order.sessionId, order.stepId, order.attempt);
    const decision = decideFailure(this.#step, order.attempt, { error, deliberate, afterIntent }, draw);
    if (decision.do === 'finish')
      return writeResult(this.#attempt, decision.state, { error: decision.error, startedAtMs });
    await this.#voice.say('retrying', { error, retryAt: isoTime(now() + decision.delayMs) });
    await this.#link.close();
    return { end: 'retrying' };
  }

  /** The end of the session, once every step has its result (rule 13); until then it waits for them. */
  async #close(): Promise<StepEnd | undefined> {
    const { session, standIn } = this.#options;
    if (unfinishedSteps(session, this.#watch.view).length > 0) {
      if (standIn !== undefined) {
        // Other steps end by themselves or by their own stand-in; the supervisor comes back for this one.
        await this.#link.close({ reasonCode: 0x04 });
        return { end: 'abandoned', reason: 'other steps have not ended' };
      }
      return this.#sleep(Date.parse(session.expiresAt));
    }
    const state = await closeSession(this.#attempt);
    return state === undefined ? undefined : this.#done(state);
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
