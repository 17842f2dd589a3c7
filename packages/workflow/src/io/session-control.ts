import { createRequester } from '@shoal/agent-sdk';
import type { Link } from '@shoal/mqtt-link';
import {
  sessionTopics,
  type ApprovalDecision,
  type ControlRecord,
  type Message,
  type Task,
} from '@shoal/protocol';
import { decisionOf, pendingApprovals } from '../core/approval.ts';
import { assertExtends, type Extension } from '../core/extension.ts';
import { isoTime } from '../core/time.ts';
import { isClosed, type SessionView } from '../core/view.ts';
import { WorkflowError } from '../errors.ts';
import { look } from './look.ts';
import { writeRecord } from './write-record.ts';

export interface SessionControlOptions {
  readonly org: string;
  readonly unit: string;
  /** Who acts: stands in every record, and names the reply topic of a re-run. An identifier. */
  readonly by: string;
  /** Milliseconds since the epoch. Default Date.now. */
  readonly now?: () => number;
}

export interface Verdict {
  /** May be left out while only one approval is open. */
  readonly stepId?: string;
  readonly reason?: string;
}

export interface RerunOptions {
  readonly from: string;
  /**
   * Of a fan-out `from`: run only these of its items again, by index, text, `id` or `agentId`; `failed`: those that did not complete.
   */
  readonly items?: 'failed' | readonly string[];
  /** Default: a new one. Repeat a call with the same id, and it is the same re-run. */
  readonly sessionId?: string;
  /** Needed when a step that is not idempotent would act again. */
  readonly repeatEffects?: boolean;
}

/**
 * Acts on running sessions by their retained records: whoever may write those may do this, and no supervisor need be there at the
 * moment. Each resolves on the PUBACK of its record and rejects with WorkflowError `no-session`, `session-ended`, `not-pending`.
 */
export interface SessionControl {
  /** What the broker holds of it. */
  read(sessionId: string): Promise<SessionView>;
  /** Ends waiting and running steps; compensations still run. Cannot be taken back. */
  cancel(sessionId: string, reason?: string): Promise<void>;
  /** No step begins from here on; what runs goes on, deadlines too. */
  pause(sessionId: string, reason?: string): Promise<void>;
  /** What a pause held back begins. Of a session that is not paused: changes nothing. */
  resume(sessionId: string, reason?: string): Promise<void>;
  /** More time, never less. Rejects with `invalid-request` when it is not later than before, or the records would not last. */
  extend(sessionId: string, extension: Extension): Promise<void>;
  /** Takes effect at once, as `deny` does, and cannot be taken back: a second word is `not-pending`. */
  approve(sessionId: string, verdict?: Verdict): Promise<void>;
  deny(sessionId: string, verdict?: Verdict): Promise<void>;
  /** Removes the records of a session that has ended; of one that runs, as soon as it has. */
  purge(sessionId: string): Promise<void>;
  /** Asks the workflow for a new session that does again what is from a step on. The task as it was accepted. */
  rerun(sessionId: string, options: RerunOptions): Promise<Task | Message>;
}

/** Does no I/O before its methods are called. The link stays with its owner. */
export function sessionControl(link: Link, options: SessionControlOptions): SessionControl {
  return new LinkSessionControl(link, options);
}

class LinkSessionControl implements SessionControl {
  readonly #link: Link;
  readonly #options: SessionControlOptions;
  readonly #now: () => number;

  constructor(link: Link, options: SessionControlOptions) {
    this.#link = link;
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  async read(sessionId: string): Promise<SessionView> {
    const { org, unit } = this.#options;
    const view = await look(this.#link, { org, unit, sessionId });
    if (view.session === undefined)
      throw new WorkflowError('no-session', `${org}/${unit} has no session ${sessionId}`);
    return view;
  }

  async cancel(sessionId: string, reason?: string): Promise<void> {
    const view = await this.#running(sessionId);
    // It cannot be taken back, so the first reason stays.
    if (view.control === undefined)
      await this.#write(view, sessionTopics(view).control, this.#control(view, 'cancel', reason));
  }

  async pause(sessionId: string, reason?: string): Promise<void> {
    const view = await this.#running(sessionId);
    await this.#write(view, sessionTopics(view).pause, this.#control(view, 'pause', reason));
  }

  async resume(sessionId: string, reason?: string): Promise<void> {
    const view = await this.#running(sessionId);
    await this.#write(view, sessionTopics(view).pause, this.#control(view, 'resume', reason));
  }

  async extend(sessionId: string, extension: Extension): Promise<void> {
    const view = await this.#running(sessionId);
    const { stepId, untilMs, reason } = extension;
    assertExtends(view, extension, this.#now());
    const until = isoTime(untilMs);
    const { deadlineAt, steps } = view.extend ?? {};
    const record: ControlRecord = {
      ...this.#control(view, 'extend', reason),
      // What was extended before stays.
      ...(deadlineAt === undefined ? {} : { deadlineAt }),
      ...(steps === undefined ? {} : { steps }),
      ...(stepId === undefined ? { deadlineAt: until } : { steps: { ...steps, [stepId]: until } }),
    };
    await this.#write(view, sessionTopics(view).extend, record);
  }

  approve(sessionId: string, verdict: Verdict = {}): Promise<void> {
    return this.#decide(sessionId, 'approve', verdict);
  }

  deny(sessionId: string, verdict: Verdict = {}): Promise<void> {
    return this.#decide(sessionId, 'deny', verdict);
  }

  async purge(sessionId: string): Promise<void> {
    const view = await this.read(sessionId);
    await this.#write(view, sessionTopics(view).purge, this.#control(view, 'purge'));
  }

  async rerun(
    sessionId: string,
    { from, items, sessionId: id, repeatEffects }: RerunOptions,
  ): Promise<Task | Message> {
    const { org, unit, by } = this.#options;
    const { session } = await this.read(sessionId);
    const taskId = id ?? crypto.randomUUID();
    const requester = createRequester({ link: this.#link, address: { org, unit, agentId: by } });
    try {
      return await requester.send(
        { org, unit, agentId: session?.workflowId ?? '' },
        { taskId, messageId: taskId, text: `run again from ${from}` },
        {
          returnImmediately: true,
          requestMetadata: { rerun: { of: sessionId, from, items, repeatEffects } },
        },
      );
    } finally {
      await requester.close();
    }
  }

  async #decide(sessionId: string, action: 'approve' | 'deny', { stepId, reason }: Verdict): Promise<void> {
    const view = await this.#running(sessionId);
    const step = pendingApproval(view, stepId);
    const { by } = this.#options;
    assertApprover(view, step, by);
    const record: ApprovalDecision = {
      schemaVersion: 1,
      sessionId,
      stepId: step,
      action,
      by,
      ...(reason === undefined ? {} : { reason }),
      at: isoTime(this.#now()),
    };
    await this.#write(view, sessionTopics(view).step(step).decision, record);
  }

  async #running(sessionId: string): Promise<SessionView> {
    const view = await this.read(sessionId);
    if (view.outcome !== undefined || isClosed(view))
      throw new WorkflowError(
        'session-ended',
        `session ${sessionId} has ended: ${view.outcome?.state ?? ''}`,
      );
    return view;
  }

  #control(view: SessionView, action: ControlRecord['action'], reason?: string): ControlRecord {
    return {
      schemaVersion: 1,
      sessionId: view.sessionId,
      action,
      ...(reason === undefined ? {} : { reason }),
      by: this.#options.by,
      at: isoTime(this.#now()),
    };
  }

  async #write(view: SessionView, topic: string, record: unknown): Promise<void> {
    if (view.session !== undefined) await writeRecord(this.#link, view.session, topic, record, this.#now());
  }
}

/** The approval that is meant. Throws WorkflowError `not-pending` when it is not open, or when it is not clear which. */
export function pendingApproval(view: SessionView, stepId?: string): string {
  const open = pendingApprovals(view).map(({ id }) => id);
  const [only] = open;
  if (stepId !== undefined && open.includes(stepId)) return stepId;
  if (stepId === undefined && open.length === 1 && only !== undefined) return only;
  const spoken = open.length === 0 || stepId !== undefined ? lastWord(view, stepId) : undefined;
  if (spoken !== undefined) throw new WorkflowError('not-pending', spoken);
  const which = open.length === 0 ? 'none is open' : `open are ${open.join(', ')}`;
  throw new WorkflowError('not-pending', `no approval ${stepId ?? 'can be told from the others'}: ${which}`);
}

/** Who was quicker, or the same person with second thoughts. */
function lastWord(view: SessionView, stepId: string | undefined): string | undefined {
  const asked = stepId === undefined ? [...view.steps.values()] : [view.steps.get(stepId)];
  const words = asked.map(decisionOf).filter((word) => word !== undefined);
  const last = words.sort((a, b) => Date.parse(a.at) - Date.parse(b.at)).at(-1);
  if (last === undefined) return undefined;
  const said = last.action === 'approve' ? 'approved' : 'denied';
  return `${last.by} ${said} ${last.stepId} at ${last.at}: that took effect at once and cannot be taken back; cancel ends what has not ended`;
}

/** Throws WorkflowError `not-pending` when somebody's word would not count. */
export function assertApprover(view: SessionView, stepId: string, by: string): void {
  const approvers = view.steps.get(stepId)?.approval?.approvers;
  if (approvers !== undefined && !approvers.includes(by))
    throw new WorkflowError('not-pending', `${by} is no approver of ${stepId}: ${approvers.join(', ')} are`);
}
