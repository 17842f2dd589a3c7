import type { Link, Logger } from '@shoal/mqtt-link';
import { endSpan, startSpan } from '@shoal/mqtt-link/tracing';
import type { TriggerRecord, WorkflowTrigger } from '@shoal/protocol';
import { interpolate, isoTime, lastActMs, type Json, type Workflow } from '@shoal/workflow';
import { dueRuns } from '../core/schedule.ts';
import { firingOf, planTriggered, triggeredSessionId, type Firing } from '../core/triggered-session.ts';
import { AlarmWatch } from './alarm-watch.ts';
import { Claims } from './claims.ts';
import { openSession } from './open-session.ts';
import type { Reconciler } from './reconciler.ts';
import type { SessionStore } from './session-store.ts';
import { TriggerRecords } from './trigger-records.ts';

export interface TriggerKeeperOptions {
  readonly link: Link;
  readonly org: string;
  readonly unit: string;
  readonly supervisorId: string;
  readonly workflows: ReadonlyMap<string, Workflow>;
  readonly store: SessionStore;
  readonly reconciler: Reconciler;
  /** How long the run of another supervisor's alarm may take to appear. */
  readonly adoptMs: number;
  readonly isCurrent: () => boolean;
  readonly logger: Logger;
  readonly now: () => number;
  readonly random: () => number;
}

/** Longest sleep until a schedule is looked at again, for clocks that jump. */
const LONGEST_SLEEP_MS = 60_000;

/**
 * Starts runs by the clock and by telemetry. There is no leader: every supervisor sees the same times and messages, derives the same
 * session ids, and writes what it has dealt with into retained records.
 */
export class TriggerKeeper {
  readonly #options: TriggerKeeperOptions;
  readonly #records: TriggerRecords;
  readonly #claims = new Claims();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #alarms: AlarmWatch[] = [];
  #stopped = false;

  constructor(options: TriggerKeeperOptions) {
    this.#options = options;
    const { link, org, unit, logger } = options;
    this.#records = new TriggerRecords({
      link,
      org,
      unit,
      logger,
      onClaim: (claimId) => this.#claims.onClaim(claimId),
      onRecord: (record) => this.#onRecord(record),
    });
  }

  get #triggers(): readonly (readonly [Workflow, WorkflowTrigger])[] {
    return [...this.#options.workflows.values()].flatMap((workflow) =>
      (workflow.triggers ?? []).map((trigger) => [workflow, trigger] as const),
    );
  }

  /** Subscribes to the records, if anything is triggered at all. They have come when the session store has. */
  async open(): Promise<void> {
    if (this.#triggers.length > 0) await this.#records.open();
  }

  /** To be called when the records are known. */
  async begin(): Promise<void> {
    for (const record of this.#records.all()) this.#onRecord(record);
    for (const [workflow, trigger] of this.#triggers) {
      if (trigger.schedule !== undefined) this.#look(workflow, trigger);
      else {
        const watch = new AlarmWatch({
          ...this.#options,
          workflow,
          trigger,
          records: this.#records,
          claims: this.#claims,
        });
        this.#alarms.push(watch);
        await watch.open();
      }
    }
  }

  restart(): void {
    this.#records.restart();
  }

  /** To be called when the records were read again after a reconnect. */
  async resume(): Promise<void> {
    await this.#records.carry();
    for (const record of this.#records.all()) this.#onRecord(record);
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  /** The run of an alarm: made by the supervisor whose claim counts, and by any other when it has not come after a while. */
  #onRecord(record: TriggerRecord): void {
    if (record.state !== 'fired') return;
    const { supervisorId, adoptMs, random } = this.#options;
    const delayMs = record.supervisorId === supervisorId ? 0 : adoptMs * (1 + random());
    this.#later(delayMs, () => this.#ensureRun(record));
  }

  async #ensureRun(record: TriggerRecord): Promise<void> {
    const { workflows, now } = this.#options;
    const workflow = workflows.get(record.workflowId);
    if (workflow === undefined) return;
    const firing = firingOf(this.#options, record);
    // No session is purged before its deadline: from then on one that is missing may have run and be gone.
    const lastsMs = lastActMs(planTriggered(workflow, firing, 0));
    if (now() < Date.parse(firing.at) + lastsMs) await this.#start(workflow, firing);
  }

  async #start(workflow: Workflow, firing: Firing): Promise<void> {
    const { store, reconciler, now, logger } = this.#options;
    const sessionId = triggeredSessionId(workflow.id, firing);
    const known = store.get(sessionId);
    if (known?.session !== undefined || known?.purge !== undefined) return;
    const { triggerId, at } = firing;
    const span = startSpan('@shoal/supervisor', `trigger ${workflow.id}/${triggerId}`, {
      attributes: {
        'shoal.workflow.id': workflow.id,
        'shoal.session.id': sessionId,
        'shoal.trigger.id': triggerId,
        'shoal.trigger.at': at,
      },
      parent: { ...firing.trace },
    });
    const session = planTriggered(workflow, firing, now(), span?.carrier);
    logger.info('triggered', {
      workflowId: workflow.id,
      triggerId,
      sessionId,
      at,
    });
    reconciler.hold(sessionId);
    try {
      await openSession(this.#options, session);
    } finally {
      endSpan(span);
      reconciler.release(sessionId);
    }
  }

  #look(workflow: Workflow, trigger: WorkflowTrigger): void {
    const { schedule } = trigger;
    if (schedule === undefined || this.#stopped) return;
    const { isCurrent, now, random } = this.#options;
    const again = (atMs: number): void =>
      this.#later(Math.min(LONGEST_SLEEP_MS, Math.max(0, atMs - now()) + random() * 50), async () =>
        this.#look(workflow, trigger),
      );
    if (!isCurrent()) return again(now() + 500);
    const known = this.#records.get(workflow.id, trigger.id, '');
    const due = dueRuns(schedule, Date.parse(known?.at ?? isoTime(now())), now());
    void this.#runSchedule(workflow, trigger, due.runs, known === undefined ? now() : due.upToMs, known)
      .then(() => again(due.nextMs ?? now() + LONGEST_SLEEP_MS))
      .catch((error: unknown) => {
        this.#options.logger.warn('a schedule could not be carried out; it is tried again', {
          workflowId: workflow.id,
          triggerId: trigger.id,
          error: String(error),
        });
        again(now() + 1_000);
      });
  }

  /** First the runs, then the record that they were made: a crash between makes them again, and they are the same. */
  async #runSchedule(
    workflow: Workflow,
    trigger: WorkflowTrigger,
    runs: readonly number[],
    upToMs: number,
    known: TriggerRecord | undefined,
  ): Promise<void> {
    const { org, unit } = this.#options;
    for (const atMs of runs) {
      const at = isoTime(atMs);
      const scope = { trigger: { id: trigger.id, at, key: '' }, message: null, topic: '' };
      const variables = interpolate((trigger.variables ?? {}) as Json, scope) as Record<string, unknown>;
      await this.#start(workflow, { org, unit, triggerId: trigger.id, key: '', occasion: at, at, variables });
    }
    if (known !== undefined && upToMs <= Date.parse(known.at)) return;
    await this.#records.write({
      schemaVersion: 1,
      workflowId: workflow.id,
      triggerId: trigger.id,
      key: '',
      episode: 0,
      state: 'armed',
      claimId: isoTime(upToMs),
      supervisorId: this.#options.supervisorId,
      at: isoTime(upToMs),
    });
  }

  #later(delayMs: number, act: () => Promise<void>): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#stopped) return;
      act().catch((error: unknown) =>
        this.#options.logger.error('a triggered run could not be started', { error: String(error) }),
      );
    }, delayMs);
    this.#timers.add(timer);
  }
}
