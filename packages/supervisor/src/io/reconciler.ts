import { isLinkError, type Link, type Logger } from '@shoal/mqtt-link';
import { endSpan, startSpan, within, type StartedSpan } from '@shoal/mqtt-link/tracing';
import {
  sessionTopics,
  type AttemptRecord,
  type ControlRecord,
  type SessionClaim,
  type Placement,
  type SessionRecord,
  type TraceContext,
} from '@shoal/protocol';
import {
  blueprintIdOf,
  currentAttempt,
  currentStatus,
  findStep,
  isoTime,
  runStep,
  writeRecord,
  type ArtifactStore,
  type SessionSource,
  type SessionView,
  type SharedWriter,
  type StepOrder,
} from '@shoal/workflow';
import { probeAnswered, probeLost, probeMissed, probeSent, type StepMemory } from '../core/memory.ts';
import type { ReconcilePolicy } from '../core/policy.ts';
import { isClaimedTogether } from '../core/claim-together.ts';
import { reconcile, type Action } from '../core/reconcile.ts';
import type { Spawner, SupervisorOptions } from '../types.ts';
import type { Claims, Contest } from './claims.ts';
import { pause } from './pause.ts';
import type { ProbeAnswer, Prober } from './prober.ts';
import { removeSession } from './remove-session.ts';
import { mergePlacement } from '../core/placement.ts';
import type { RoomQueue } from './room-queue.ts';
import type { SpawnGate } from './spawn-gate.ts';
import type { WriterKeeper } from './writer-keeper.ts';

export interface ReconcilerOptions {
  readonly link: Link;
  readonly supervisorId: string;
  readonly policy: ReconcilePolicy;
  readonly spawner: Spawner;
  readonly claims: Claims;
  readonly prober: Prober;
  readonly gate: SpawnGate;
  readonly room: RoomQueue;
  /** Of blueprints, by id. */
  readonly placements: Readonly<Record<string, Placement>>;
  readonly connect: Pick<SupervisorOptions, 'url' | 'username' | 'password' | 'openStream' | 'tls'>;
  readonly owns: (workflowId: string) => boolean;
  readonly viewOf: (sessionId: string) => SessionView | undefined;
  readonly sessions: SessionSource;
  readonly writeClaim: (
    session: SessionRecord,
    topic: string,
    record: AttemptRecord | SessionClaim,
  ) => Promise<void>;
  /** Resolves when whatever the broker held at the call is in the views. */
  readonly fresh: () => Promise<void>;
  readonly writers: Pick<WriterKeeper, 'current' | 'isLost' | 'evict' | 'lend'>;
  readonly artifacts?: ArtifactStore | undefined;
  /** Records may be acted on: they were read on the present connection. */
  readonly isCurrent: () => boolean;
  readonly logger: Logger;
  readonly now: () => number;
  readonly random: () => number;
}

interface Entry {
  memory: ReadonlyMap<string, StepMemory>;
  /** Steps for which something is under way; nothing else is begun for them. */
  readonly busy: Set<string>;
  timer: NodeJS.Timeout | undefined;
  /** When `timer` looks again; Infinity: it does not. */
  wakesAtMs: number;
  /** This supervisor took the request. */
  mine: boolean;
  /** Its claim to several steps, which was the first. */
  claim: SessionClaim | undefined;
  /** Steps that it has begun under that claim. */
  readonly begun: Set<string>;
}

/** After a claim to several steps did not get through: so long each is claimed alone. */
const ALONE_MS = 600_000;

/** Claims remembered as dead, and as lost. */
const MAX_REMEMBERED = 10_000;

type ClaimAction = Extract<Action, { do: 'claim' }>;

/** Does what `reconcile` says, session by session, and looks again when it said so. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #entries = new Map<string, Entry>();
  /** Sessions to be looked at in this turn of the event loop. */
  readonly #due = new Set<string>();
  /** Sessions whose request is still being answered: their first claims wait. */
  readonly #held = new Set<string>();
  /** Claims whose instance this supervisor started and that has not ended. */
  readonly #children = new Set<string>();
  /** Claims whose instance this supervisor started and that ended unfinished; the oldest are forgotten, and then probed. */
  readonly #dead = new Set<string>();
  /** Claims whose instance was started where nobody can say any more whether it lives. */
  readonly #lost = new Set<string>();
  #aloneUntilMs = 0;
  #spawned = 0;
  #respawned = 0;
  #stopped = false;
  /** What this supervisor knows of instances: the same for every session. */
  readonly #instances = {
    child: (claimId: string) => this.#children.has(claimId),
    dead: (claimId: string) => this.#dead.has(claimId),
    lost: (claimId: string) => this.#lost.has(claimId),
    writerLost: (writerId: string) => this.#options.writers.isLost(writerId),
  };

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** Of these, how many were further attempts. */
  get respawned(): number {
    return this.#respawned;
  }

  get spawned(): number {
    return this.#spawned;
  }

  hold(sessionId: string): void {
    this.#held.add(sessionId);
    this.#entry(sessionId).mine = true;
  }

  release(sessionId: string): void {
    this.#held.delete(sessionId);
    this.look(sessionId);
  }

  /** Something about the session changed, or may have. Many calls in one turn make one look. */
  look(sessionId: string): void {
    if (this.#stopped) return;
    if (this.#due.size === 0) setImmediate(() => this.#lookAtDue());
    this.#due.add(sessionId);
  }

  #lookAtDue(): void {
    const due = [...this.#due];
    this.#due.clear();
    for (const sessionId of due) {
      try {
        this.#look(sessionId, this.#entry(sessionId));
      } catch (error) {
        // One session that cannot be decided must not stop the others.
        const reason = error instanceof Error ? error.stack : String(error);
        this.#options.logger.error('the session cannot be decided', { sessionId, reason });
      }
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const entry of this.#entries.values()) clearTimeout(entry.timer);
    this.#entries.clear();
  }

  #entry(sessionId: string): Entry {
    const known = this.#entries.get(sessionId);
    if (known !== undefined) return known;
    const fresh: Entry = {
      memory: new Map(),
      busy: new Set(),
      timer: undefined,
      wakesAtMs: Infinity,
      mine: false,
      claim: undefined,
      begun: new Set(),
    };
    this.#entries.set(sessionId, fresh);
    return fresh;
  }

  #look(sessionId: string, entry: Entry): void {
    const { viewOf, owns, isCurrent, policy, now, random } = this.#options;
    if (this.#stopped || !isCurrent() || this.#held.has(sessionId)) return;
    const view = viewOf(sessionId);
    if (view === undefined) {
      clearTimeout(entry.timer);
      return void this.#entries.delete(sessionId);
    }
    if (view.session === undefined || !owns(view.session.workflowId)) return;
    const { writers } = this.#options;
    const writerId = writers.current?.writerId;
    const { actions, wakeAtMs, memory } = reconcile(view, entry.memory, this.#currentPolicy(), now(), {
      request: entry.mine,
      sharesWriter: writerId !== undefined && this.#isHalfEmpty() && now() >= this.#aloneUntilMs,
      standingClaim: entry.claim?.writerId === writerId ? entry.claim?.claimId : undefined,
      begun: entry.begun,
      ...this.#instances,
      parent: view.session.parent === undefined ? undefined : viewOf(view.session.parent.sessionId),
    });
    entry.memory = memory;
    for (const action of actions) this.#begin(view, entry, action);
    if (wakeAtMs === undefined) return;
    // A look that comes early finds nothing to do, and costs less than a timer for each record.
    if (entry.wakesAtMs <= wakeAtMs) return;
    clearTimeout(entry.timer);
    // Supervisors that woke together would claim together: jitter lets one be first.
    const delayMs = Math.max(0, wakeAtMs - now()) + random() * policy.suspicionMs;
    entry.wakesAtMs = wakeAtMs;
    entry.timer = setTimeout(
      () => {
        entry.wakesAtMs = Infinity;
        this.look(sessionId);
      },
      Math.min(delayMs, 2_000_000_000),
    );
  }

  /** A host that is half full starts only what can work at once: waiting steps must not keep out those that they wait for. */
  #currentPolicy(): ReconcilePolicy {
    const { policy } = this.#options;
    return this.#isHalfEmpty() ? policy : { ...policy, spawnAhead: false };
  }

  #isHalfEmpty(): boolean {
    const { spawner } = this.#options;
    return spawner.running < spawner.capacity / 2;
  }

  #begin(view: SessionView, entry: Entry, action: Action): void {
    const key = 'stepId' in action ? action.stepId : action.do;
    if (entry.busy.has(key)) return;
    // No room here: nothing is claimed, and another supervisor may have some. A claim that cannot be kept costs an attempt.
    const starts = action.do === 'begin' || (action.do === 'claim' && action.standIn === undefined);
    if (starts && !this.#hasRoom(view, action.stepId)) return;
    entry.busy.add(key);
    this.#perform(view, entry, action)
      .catch((error: unknown) => {
        const { logger } = this.#options;
        logger.warn('an action failed; it is decided anew', {
          sessionId: view.sessionId,
          ...action,
          error: String(error),
        });
      })
      .finally(() => {
        entry.busy.delete(key);
        this.look(view.sessionId);
      });
  }

  /** False: it waits, and the session is looked at again when there is room. */
  #hasRoom(view: SessionView, stepId: string): boolean {
    const step = findStep(view, stepId)?.planned;
    if (step === undefined) return false;
    const blueprint = blueprintIdOf(step.use);
    const needs = { ...this.#placementOf(blueprint, step.placement), blueprint };
    return this.#options.room.enter(`${view.sessionId}/${stepId}`, needs, () => this.look(view.sessionId));
  }

  #placementOf(blueprint: string, own: Placement | undefined): Placement | undefined {
    return mergePlacement(this.#options.placements[blueprint], own);
  }

  #perform(view: SessionView, entry: Entry, action: Action): Promise<void> {
    if (action.do === 'probe') return this.#probe(view, entry, action.stepId, action.attempt);
    if (action.do === 'purge') return this.#remove(view);
    if (action.do === 'cancel') return this.#cancel(view, action.reason);
    if (action.do === 'claim-together') return this.#claimTogether(view, entry, action.steps);
    if (action.do === 'restate-claim') return this.#restateClaim(view, entry);
    if (action.do === 'claim' && action.standIn !== undefined) return this.#claim(view, entry, action);
    const started =
      action.do === 'begin' ? this.#beginStep(view, entry, action.stepId) : this.#claim(view, entry, action);
    return started.finally(() => this.#options.room.leave(`${view.sessionId}/${action.stepId}`));
  }

  async #probe(view: SessionView, entry: Entry, stepId: string, attempt: number): Promise<void> {
    const { prober, now, logger } = this.#options;
    const { org, unit, sessionId } = view;
    const before = entry.memory.get(stepId);
    if (before === undefined) return;
    const sent = probeSent(before, now());
    entry.memory = new Map(entry.memory).set(stepId, sent);
    const answer = await prober
      .probe({ org, unit, agentId: `${sessionId}.${stepId}` })
      .catch((): ProbeAnswer => ({ is: 'unsure' }));
    const seen = entry.memory.get(stepId);
    if (seen?.key !== sent.key) return;
    const alive = answer.is === 'alive' && (answer.attempt ?? attempt) >= attempt;
    logger.debug('probed', { sessionId, stepId, attempt, answer: answer.is });
    const next = alive
      ? probeAnswered(seen, now())
      : answer.is === 'unsure'
        ? probeLost(seen)
        : probeMissed(seen);
    entry.memory = new Map(entry.memory).set(stepId, next);
  }

  async #claim(view: SessionView, entry: Entry, action: ClaimAction): Promise<void> {
    const { gate, claims, logger } = this.#options;
    const { sessionId } = view;
    const { stepId, attempt, standIn } = action;
    if (standIn === undefined) await pause(gate.take());
    if (this.#stopped || !this.#options.isCurrent()) return;
    const span = spawnSpan(view, stepId, attempt);
    try {
      const contest = this.#contest(view, action, span?.carrier);
      const claimId = await claims.claim(contest, attempt);
      span?.span.setAttribute('shoal.claim.stands', claimId !== undefined);
      if (claimId === undefined)
        return logger.debug('the claim does not stand', { sessionId, stepId, attempt });
      await within(span, () => this.#carryOut(view, entry, action, claimId));
    } finally {
      endSpan(span);
    }
  }

  /** One record for the first attempts of several steps; each begins when it may run. */
  async #claimTogether(view: SessionView, entry: Entry, steps: readonly string[]): Promise<void> {
    const { claims, viewOf, writers, supervisorId, now, logger } = this.#options;
    const { sessionId } = view;
    const span = startSpan('@shoal/supervisor', 'claim steps', {
      kind: 'producer',
      attributes: { 'shoal.session.id': sessionId },
      parent: { ...view.session?.trace },
    });
    let record: SessionClaim | undefined;
    const contest: Contest = {
      current: () => (viewOf(sessionId)?.claim === undefined ? 0 : 1),
      first: () => viewOf(sessionId)?.firstClaimId,
      publish: async (claimId) => {
        const { session } = viewOf(sessionId) ?? {};
        const writerId = writers.current?.writerId;
        if (session === undefined || writerId === undefined)
          throw new Error('the session or the connection is gone');
        record = {
          schemaVersion: 1,
          sessionId,
          claimId,
          supervisorId,
          writerId,
          steps: [...steps],
          ...(span?.carrier === undefined ? {} : { trace: span.carrier }),
          at: isoTime(now()),
        };
        await this.#options.writeClaim(session, sessionTopics(view).claim, record);
      },
    };
    const claimId = await claims
      .claim(contest, 1)
      .catch((error: unknown) => {
        if (!isLinkError(error, 'publish-refused')) throw error;
        this.#claimAlone(String(error));
      })
      .finally(() => endSpan(span));
    if (claimId !== undefined) entry.claim = record;
    else if (contest.current() > 0) logger.debug('the claim does not stand', { sessionId });
    // A broker may also drop what it does not allow, and say nothing.
    else if (record !== undefined && this.#options.isCurrent()) this.#claimAlone('its echo did not come');
  }

  /** Access rules that are older than this record: nothing of what they do not know is needed. */
  #claimAlone(reason: string): void {
    const { now, logger } = this.#options;
    if (now() < this.#aloneUntilMs) return;
    this.#aloneUntilMs = now() + ALONE_MS;
    logger.warn(
      'steps are claimed one by one for a while: a claim to several did not get through; may this client publish to session/+/claim?',
      { reason },
    );
  }

  async #restateClaim(view: SessionView, { claim }: Entry): Promise<void> {
    if (claim === undefined || view.session === undefined) return;
    await this.#options.writeClaim(view.session, sessionTopics(view).claim, claim);
  }

  async #beginStep(view: SessionView, entry: Entry, stepId: string): Promise<void> {
    const { gate, viewOf, writers } = this.#options;
    await pause(gate.take());
    const claim = entry.claim;
    const now = viewOf(view.sessionId) ?? view;
    const records = now.steps.get(stepId);
    // Whatever came meanwhile is decided anew.
    if (this.#stopped || !this.#options.isCurrent() || claim === undefined) return;
    if (claim.writerId !== writers.current?.writerId) return;
    if (!isClaimedTogether(now, records) || records?.status !== undefined || records?.result !== undefined)
      return;
    const order = this.#orderOf(view, stepId, 1, `${claim.claimId}.${claim.steps.indexOf(stepId)}`);
    if (order === undefined) return;
    entry.begun.add(stepId);
    await this.#spawn(entry, order);
  }

  async #carryOut(view: SessionView, entry: Entry, action: ClaimAction, claimId: string): Promise<void> {
    const { logger, supervisorId } = this.#options;
    const { sessionId } = view;
    const { stepId, attempt, standIn } = action;
    const order = this.#orderOf(view, stepId, attempt, claimId);
    if (order === undefined) return;
    await this.#evictWriter(order);
    if (standIn === undefined) return this.#spawn(entry, order);
    logger.warn('a supervisor ends the step', { sessionId, stepId, attempt, code: standIn.error.code });
    const end = await runStep(order, {
      ...this.#options.connect,
      blueprints: [],
      lookLink: this.#options.link,
      standIn: { ...standIn, supervisorId },
      logger,
      now: this.#options.now,
    });
    logger.debug('stood in', { sessionId, stepId, end: end.end });
  }

  /** Rule 5: the client id of the step does not fence what wrote over a connection that it shared. */
  async #evictWriter({ sessionId, stepId, attempt }: StepOrder): Promise<void> {
    const { viewOf, writers } = this.#options;
    if (attempt === 1) return;
    const view = viewOf(sessionId);
    const records = view?.steps.get(stepId);
    const writerIds = new Set([records?.attempt?.writerId]);
    // A first attempt that another supervisor claimed with others may hide behind a later claim to this step alone.
    const mayHide = records?.status === undefined || records.status.state === 'lost';
    if (mayHide && view?.claim?.steps.includes(stepId) === true) writerIds.add(view.claim.writerId);
    for (const writerId of writerIds) if (writerId !== undefined) await writers.evict(writerId);
  }

  /** Of the first attempt: what it may write over. Of a later one: what those before it may still write over. */
  #writerOf(view: SessionView, { stepId, attempt, standIn }: ClaimAction): string | undefined {
    const { spawner, writers } = this.#options;
    const records = view.steps.get(stepId);
    if (attempt > 1) {
      const state = currentStatus(records)?.state;
      // Whoever says where it stands has left the shared connection. A Will says nothing of that.
      return state === undefined || state === 'lost' ? records?.attempt?.writerId : undefined;
    }
    const mayShare = spawner.sharesWriter === true && standIn === undefined;
    return mayShare && findStep(view, stepId)?.planned.idempotent !== false
      ? writers.current?.writerId
      : undefined;
  }

  #contest({ sessionId }: SessionView, action: ClaimAction, trace: TraceContext | undefined): Contest {
    const { stepId, attempt } = action;
    const { supervisorId, viewOf, now } = this.#options;
    const step = () => viewOf(sessionId)?.steps.get(stepId);
    return {
      current: () => (viewOf(sessionId) === undefined ? -1 : currentAttempt(step())),
      first: () => step()?.firstClaimId,
      publish: async (claimId) => {
        const view = viewOf(sessionId);
        if (view?.session === undefined) throw new Error('the session is gone');
        const writerId = this.#writerOf(view, action);
        const record: AttemptRecord = {
          schemaVersion: 1,
          sessionId,
          stepId,
          attempt,
          claimId,
          supervisorId,
          ...(trace === undefined ? {} : { trace }),
          ...(writerId === undefined ? {} : { writerId }),
          at: isoTime(now()),
        };
        await this.#options.writeClaim(view.session, sessionTopics(view).step(stepId).attempt, record);
      },
    };
  }

  #orderOf(view: SessionView, stepId: string, attempt: number, claimId: string): StepOrder | undefined {
    const { org, unit, sessionId, session } = view;
    const step = findStep(view, stepId)?.planned;
    if (session === undefined || step === undefined) return undefined;
    const { workflowId } = session;
    const blueprint = blueprintIdOf(step.use);
    const placement = this.#placementOf(blueprint, step.placement);
    return {
      kind: 'step',
      org,
      unit,
      sessionId,
      stepId,
      attempt,
      claimId,
      workflowId,
      blueprint,
      ...(placement === undefined ? {} : { placement }),
    };
  }

  async #spawn(entry: Entry, order: StepOrder): Promise<void> {
    const { spawner, sessions, writers, logger } = this.#options;
    const { sessionId, stepId, attempt } = order;
    logger.info('spawn', { sessionId, stepId, attempt, blueprint: order.blueprint });
    this.#spawned += 1;
    if (attempt > 1) this.#respawned += 1;
    this.#children.add(order.claimId);
    const writer = this.#writerFor(order);
    const giveBack = writer === undefined ? undefined : writers.lend();
    const onExit = (clean: boolean): void => {
      giveBack?.(clean);
      this.#children.delete(order.claimId);
      if (!clean) void this.#died(order);
    };
    const onLost = (): void => {
      this.#children.delete(order.claimId);
      keepRecent(this.#lost, order.claimId);
      this.look(sessionId);
    };
    try {
      const shared = writer === undefined ? { sessions } : { sessions, writer };
      await spawner.spawn(order, { onExit, onLost, ...shared });
    } catch (error) {
      logger.warn('the instance could not be started', { sessionId, stepId, attempt, error: String(error) });
      onExit(false);
    }
  }

  /** What its claim names, if that is still there. */
  #writerFor({ sessionId, stepId, attempt }: StepOrder): SharedWriter | undefined {
    const { writers, viewOf } = this.#options;
    const { current } = writers;
    if (attempt > 1 || current === undefined) return undefined;
    return viewOf(sessionId)?.steps.get(stepId)?.attempt?.writerId === current.writerId ? current : undefined;
  }

  /**
   * Our own child is known to be dead: no grace, and no probe, but what the broker has of it first. What it had still on its way costs no
   * more than an attempt: that one finds the result after it has connected.
   */
  async #died(order: StepOrder): Promise<void> {
    await this.#options.fresh().catch(() => undefined);
    if (this.#stopped) return;
    keepRecent(this.#dead, order.claimId);
    this.look(order.sessionId);
  }

  async #cancel(view: SessionView, reason: string): Promise<void> {
    const { link, supervisorId, now, logger } = this.#options;
    if (view.session === undefined) return;
    logger.info('cancel', { sessionId: view.sessionId, reason });
    const { sessionId } = view;
    const record: ControlRecord = {
      schemaVersion: 1,
      sessionId,
      action: 'cancel',
      reason,
      by: supervisorId,
      at: isoTime(now()),
    };
    await writeRecord(link, view.session, sessionTopics(view).control, record, now());
  }

  async #remove(view: SessionView): Promise<void> {
    // First what the records refer to: without them nobody would know of it.
    await this.#options.artifacts?.remove(view);
    const records = await removeSession(this.#options.link, view);
    this.#options.logger.debug('purge', { sessionId: view.sessionId, records });
  }
}

/** Of one claim. A further attempt follows from the one before it, so that respawns show as what they are. */
function spawnSpan(view: SessionView, stepId: string, attempt: number): StartedSpan | undefined {
  return startSpan('@shoal/supervisor', `spawn ${stepId}`, {
    kind: 'producer',
    attributes: {
      'shoal.session.id': view.sessionId,
      'shoal.step.id': stepId,
      'shoal.step.attempt': attempt,
    },
    parent: { ...view.session?.trace },
    links: [view.steps.get(stepId)?.attempt?.trace],
  });
}

function keepRecent(claims: Set<string>, claimId: string): void {
  claims.add(claimId);
  const [oldest] = claims;
  if (claims.size > MAX_REMEMBERED && oldest !== undefined) claims.delete(oldest);
}
