import { createRequester, type Requester } from '@shoal/agent-sdk';
import { isLinkError, type Link, type Logger } from '@shoal/mqtt-link';
import type { PlannedStep, SessionRecord } from '@shoal/protocol';
import { findStep, lastActMs } from '../core/active-step.ts';
import { decideStep, type StepDecision } from '../core/decide-step.ts';
import { taskOf, unfinishedSteps } from '../core/outcome.ts';
import { isoTime } from '../core/time.ts';
import { currentAttempt, type SessionView } from '../core/view.ts';
import type { ArtifactOptions } from '../types/artifact-store.ts';
import type { Blueprint, Json } from '../types/blueprint.ts';
import type { StepEnd, StepOrder } from '../types/order.ts';
import { answerProbes } from './answer-probes.ts';
import { askApproval, tellPending } from './ask-approval.ts';
import type { Attempt, StandIn } from './attempt.ts';
import type { BegunWork } from './begun-work.ts';
import { closeSession } from './close-session.ts';
import { pinItems } from './fan-out-items.ts';
import { gatedLink } from './gated-link.ts';
import { Notifier } from './notifier.ts';
import { onAbort } from './on-abort.ts';
import { SessionWatch, SharedWatch, type Watch } from './session-watch.ts';
import { QUICK_MS, StepLink } from './step-link.ts';
import { StepVoice } from './step-voice.ts';
import { StepWork } from './step-work.ts';
import { writeRecord } from './write-record.ts';
import { writeResult } from './write-result.ts';

export interface InstanceOptions {
  readonly link: Link;
  readonly order: StepOrder;
  readonly session: SessionRecord;
  /** What was seen before the first connection. */
  readonly first: SessionView;
  readonly blueprint: Blueprint | undefined;
  /** Work that was begun before there was an instance. */
  readonly begun?: BegunWork | undefined;
  readonly logger: Logger;
  readonly now: () => number;
  readonly abortGraceMs: number;
  readonly standIn?: StandIn;
  readonly signal?: AbortSignal;
  /** Watches the session for the instance, while it lasts; then, or without it, the instance subscribes. */
  readonly shared?: SharedWatch | undefined;
  readonly artifacts?: ArtifactOptions | undefined;
  readonly carry: (
    held: SessionView,
    found: SessionView,
  ) => readonly (readonly [topic: string, record: unknown])[];
  readonly fencedReason: () => string;
}

/** One attempt of one step over one fenced link, from the first CONNACK to its last word. */
export class StepInstance {
  readonly #options: InstanceOptions;
  readonly #link: Link;
  readonly #step: PlannedStep;
  #watch: Watch;
  readonly #changed = new Notifier();
  #requester: Requester | undefined;
  #gated: Link | undefined;
  readonly #voice: StepVoice;
  readonly #attempt: Attempt;
  /** The records were read on this connection. */
  #synced = false;
  /** ... and say that this attempt may act. What the step's code publishes passes here. */
  #gateOpen = false;
  #subscribed = { watch: false, probes: false };
  /** Over which it writes for its process while it is quick; undefined when it has had a connection of its own from the start. */
  readonly #stepLink: StepLink | undefined;
  #quickTimer: NodeJS.Timeout | undefined;
  #waitsToClose = false;
  /** It has acted over a connection of its own. */
  #hasChanged = false;
  /** Whoever waits until this attempt may act, or has ended. */
  #onGate: (() => void)[] = [];
  #held: SessionView | undefined;
  readonly #work: StepWork;
  /** Connections lost so far. */
  #losses = 0;
  #ended: StepEnd | undefined;

  constructor(options: InstanceOptions) {
    this.#options = options;
    this.#link = options.link;
    this.#stepLink = options.link instanceof StepLink ? options.link : undefined;
    this.#held = options.first;
    const { order, session } = options;
    const active = findStep(options.first, order.stepId);
    if (active === undefined) throw new Error(`session ${session.sessionId} has no step ${order.stepId}`);
    this.#step = active.planned;
    const shared = this.#shared();
    this.#watch = shared ?? this.#ownWatch();
    // The first attempt, at the echo of its claim: nothing can have been written before it that is not in its view.
    this.#synced = shared !== undefined && this.#isQuick;
    // Listed, not spread: an instance is made for every step.
    const { link, now, logger, standIn } = options;
    this.#voice = new StepVoice({
      link,
      order,
      session,
      now,
      logger,
      view: () => this.#watch.view,
      expect: (topic, bytes, record) => this.#watch.expect?.(topic, bytes, record),
      isQuick: () => this.#isQuick,
      mayProgress: () => this.#gateOpen && standIn === undefined,
    });
    this.#attempt = {
      link,
      order,
      session,
      now,
      logger,
      ...(standIn === undefined ? {} : { standIn }),
      active,
      voice: this.#voice,
      view: () => this.#watch.view,
      sync: () => this.#watch.sync(),
      flags: new Set(),
    };
    this.#work = new StepWork({
      attempt: this.#attempt,
      blueprint: options.blueprint,
      begun: options.begun,
      requester: () => this.openRequester(),
      link: () => this.linkOfCode(),
      artifacts: options.artifacts,
      abortGraceMs: options.abortGraceMs,
      hasEnded: () => this.#ended !== undefined,
      sleep: (untilMs) => this.#sleep(untilMs),
      onEnd: () => this.onWorkEnd(),
    });
  }

  get #isQuick(): boolean {
    return this.#stepLink?.isShared === true;
  }

  /** What the step's code says and asks goes over a connection of its own. Once it has that, nothing waits for another. */
  #linkReady(): Promise<void> | undefined {
    if (this.#stepLink === undefined || this.#hasChanged || this.#ended !== undefined) return undefined;
    void this.#stepLink.promote();
    return new Promise((resolve) => this.#onGate.push(resolve));
  }

  /** What the step's code may use; the same each time. */
  linkOfCode(): Link {
    this.#gated ??= gatedLink(
      this.#link,
      () => this.#gateOpen,
      () => this.#linkReady(),
    );
    return this.#gated;
  }

  /** What the step's code asks others with. */
  openRequester(): Requester {
    const { order, logger } = this.#options;
    this.#requester ??= createRequester({
      link: this.linkOfCode(),
      address: { org: order.org, unit: order.unit, agentId: `${order.sessionId}.${order.stepId}` },
      logger,
    });
    return this.#requester;
  }

  /** The step's code says how far it is. */
  progress(text: string, data?: Json): void {
    this.#voice.progress('progress', text, data);
  }

  onWorkEnd(): void {
    this.#changed.notify();
  }

  #ownWatch(): Watch {
    const { session, logger } = this.#options;
    return new SessionWatch(this.#link, session, logger, () => this.#onChange());
  }

  #shared(): Watch | undefined {
    const { shared } = this.#options;
    if (shared === undefined || shared.ended) return undefined;
    shared.onChange = () => this.#onChange();
    shared.onEnd = () => this.#watchAlone();
    return shared;
  }

  #watchAlone(): void {
    this.#forgetRecords();
    this.#watch = this.#ownWatch();
    this.#subscribed.watch = false;
    this.#changed.notify();
  }

  async run(): Promise<StepEnd> {
    const stopListening = this.#listen();
    // It has lasted long enough already.
    if (this.#work.begun && !this.#work.hasEnded) void this.#stepLink?.promote();
    try {
      return await this.#loop();
    } catch (error) {
      // Not even a failed result could be written: leave so that the Will is sent (DESIGN rule 8).
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.logger.error('the instance gives up', { stepId: this.#step.id, reason });
      return await this.#abandon(reason);
    } finally {
      this.#gateOpen = false;
      this.#work.abort('ENDED', 'the attempt has ended');
      this.#watch.close();
      clearTimeout(this.#quickTimer);
      for (const off of stopListening) off();
      await this.#requester?.close();
      await this.#link.close();
    }
  }

  #listen(): readonly (() => void)[] {
    const { signal } = this.#options;
    const onStop = (): void => void this.#abandon('the host stops');
    const stopListening = signal === undefined ? () => undefined : onAbort(signal, onStop);
    if (signal?.aborted === true) onStop();
    return [
      this.#link.on('offline', () => this.#onOffline()),
      this.#link.on('online', () => this.#changed.notify()),
      this.#link.on('fenced', () => this.#end({ end: 'superseded', reason: this.#options.fencedReason() })),
      this.#link.on('closed', () => this.#end({ end: 'abandoned', reason: 'the link was closed' })),
      stopListening,
    ];
  }

  #onOffline(): void {
    this.#losses += 1;
    this.#forgetRecords();
    this.#watch.restart();
    this.#voice.forget();
    this.#changed.notify();
  }

  /** They have to be read again before anything is done. */
  #forgetRecords(): void {
    if (this.#synced) this.#held = this.#watch.view;
    this.#synced = false;
    this.#gateOpen = false;
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
    this.#work.abort('SUPERSEDED', end.end === 'superseded' ? end.reason : 'the instance was stopped');
    this.#tellGate();
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
        const end = (await this.#confirm()) ? await this.#act() : await this.#waitForConnection();
        if (end !== undefined) return end;
      } catch (error) {
        if (!isConnectionTrouble(error)) throw error;
        this.#options.logger.debug('interrupted', { stepId: this.#step.id, error: String(error) });
        if (this.#link.state !== 'online') continue;
        const end = await this.#waitForConnection(this.#options.now() + 50);
        if (end !== undefined) return end;
      }
    }
  }

  /** Not longer than anybody may act for the session: a broker that never comes back keeps no instance alive. */
  async #waitForConnection(untilMs = Infinity): Promise<StepEnd | undefined> {
    const { session, now, logger } = this.#options;
    const lastMs = lastActMs(session, (this.#held ?? this.#watch.view).extend);
    if (now() < lastMs) return this.#sleep(Math.min(untilMs, lastMs));
    const reason = `the broker was away until ${isoTime(lastMs)}, after which nobody acts for the session`;
    logger.error('the instance gives up', { stepId: this.#step.id, reason });
    return this.#abandon(reason);
  }

  /** Reads the records on the present connection, before anything is published on it. False while there is none. */
  async #confirm(): Promise<boolean> {
    if (this.#link.state !== 'online') return false;
    if (this.#synced) return true;
    const { session, logger, now } = this.#options;
    const losses = this.#losses;
    const watch = this.#watch;
    if (!this.#subscribed.watch) await watch.open();
    this.#subscribed.watch = true;
    const [view] = await Promise.all([watch.sync(), this.#answerProbes()]);
    // What was read before this connection, or by a watch that has ended, says nothing of it.
    if (this.#losses !== losses || this.#watch !== watch) return false;
    const held = this.#held;
    if (held !== undefined && now() < lastActMs(session, held.extend)) {
      const missing = this.#options.carry(held, view);
      for (const [topic, record] of missing) {
        logger.warn('the broker had lost a record', { topic });
        await writeRecord(this.#link, session, topic, record, now());
      }
      if (missing.length > 0) await watch.sync();
    }
    this.#held = undefined;
    // A plan is immutable: what stands there instead of ours is not executed, in a view of our own.
    if (view.session !== undefined && view.session.planHash !== session.planHash) {
      if (watch === this.#options.shared) {
        this.#watchAlone();
        return false;
      }
      view.session = session;
    }
    this.#synced = this.#link.state === 'online' && this.#losses === losses && this.#watch === watch;
    return this.#synced;
  }

  async #answerProbes(): Promise<void> {
    if (this.#subscribed.probes) return;
    const { order, logger } = this.#options;
    const address = { org: order.org, unit: order.unit, agentId: `${order.sessionId}.${order.stepId}` };
    const task = () => taskOf(this.#watch.view);
    await answerProbes(this.#link, { address, attempt: order.attempt, task, logger });
    this.#subscribed.probes = true;
  }

  async #act(): Promise<StepEnd | undefined> {
    const { order, now, standIn } = this.#options;
    const decision = decideStep(this.#watch.view, order, now(), this.#work.begun);
    this.#gateOpen = decision.do === 'run' || decision.do === 'close';
    if (this.#gateOpen && !this.#isQuick) {
      this.#hasChanged = true;
      this.#tellGate();
    }
    switch (decision.do) {
      case 'stand-down':
        return this.#leave(decision.reason);
      case 'close':
        return this.#close();
      case 'finish':
        return this.#work.finish(decision);
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
    if (this.#isQuick && (decision.do !== 'run' || this.#work.isEffect)) {
      // It lasts, or its fence must be its own.
      void this.#stepLink?.promote();
      return this.#sleep();
    }
    if (decision.do === 'run') {
      this.#promoteLater();
      return this.#work.run();
    }
    void this.#voice.say('waiting');
    if (decision.do === 'expand') return pinItems(this.#attempt);
    if (decision.do === 'ask') return askApproval(this.#attempt);
    return this.#sleep(decision.untilMs);
  }

  #tellGate(): void {
    for (const tell of this.#onGate.splice(0)) tell();
  }

  /** What is not quick gets a connection of its own. */
  #promoteLater(): void {
    if (!this.#isQuick) return;
    this.#quickTimer ??= setTimeout(() => {
      this.#quickTimer = undefined;
      if (this.#isQuick && (this.#waitsToClose || !this.#work.hasEnded)) void this.#stepLink?.promote();
    }, QUICK_MS);
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
    // Who had no connection of its own has no Will that this would have to speak against; of the closer it ends the session.
    if (!this.#isQuick || this.#options.session.closer === this.#step.id) await this.#voice.say('done');
    await this.#link.close();
    return { end: 'done', state };
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
      this.#waitsToClose = true;
      this.#promoteLater();
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
