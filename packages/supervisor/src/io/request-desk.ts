import {
  decodeRequest,
  errorPayload,
  listTasks,
  publishReply,
  replyPayload,
  viewTask,
  type DecodedRequest,
} from '@shoal/agent-sdk';
import type { InboundMessage, Link, Logger } from '@shoal/mqtt-link';
import {
  addLink,
  endSpan,
  startSpan,
  traceContextOf,
  within,
  type StartedSpan,
} from '@shoal/mqtt-link/tracing';
import {
  a2aError,
  bindingError,
  normalizeTaskId,
  parseA2aTopic,
  sessionTopics,
  type CallerRecord,
  type ControlRecord,
} from '@shoal/protocol';
import {
  callerHash,
  encodeCorrelation,
  isoTime,
  isSafeResponseTopic,
  pendingApprovals,
  taskOf,
  type SessionView,
  type Workflow,
} from '@shoal/workflow';
import { answerRequest, taskPayload } from './answer-request.ts';
import { openSession } from './open-session.ts';
import { planRequest } from './plan-request.ts';
import type { Reconciler } from './reconciler.ts';
import { checkSame, notFound, refuseField, Refusal } from './refusal.ts';
import type { SessionStore } from './session-store.ts';
import { decisionIn } from './take-decision.ts';
import type { Waiters } from './waiters.ts';

export interface RequestDeskOptions {
  readonly link: Link;
  readonly org: string;
  readonly unit: string;
  readonly workflows: ReadonlyMap<string, Workflow>;
  readonly store: SessionStore;
  readonly reconciler: Reconciler;
  readonly outcomes: Waiters;
  readonly maxRequestBytes: number;
  readonly maxOpenSessions: number;
  readonly openSessions: () => number;
  /** The broker would forget intents, and steps that are not idempotent are not to run on it (DESIGN rule 17). */
  readonly refusesNonIdempotent: () => boolean;
  readonly cancelWaitMs: number;
  readonly logger: Logger;
  readonly now: () => number;
}

type SendCall = Extract<DecodedRequest, { method: 'SendMessage' | 'SendStreamingMessage' }>;

/**
 * Answers for the workflows, each addressed like an agent. The promise of `handle` is the acknowledgement of the request: it resolves
 * when what must survive is retained, and rejects when it is not, so that the broker delivers again (DESIGN rule 1).
 */
export class RequestDesk {
  readonly #options: RequestDeskOptions;
  /** One request at a time for each session. */
  readonly #queues = new Map<string, Promise<void>>();

  constructor(options: RequestDeskOptions) {
    this.#options = options;
  }

  async handle(message: InboundMessage): Promise<void> {
    const at = parseA2aTopic(message.topic);
    const workflow = at?.kind === 'request' ? this.#options.workflows.get(at.address.agentId) : undefined;
    if (workflow === undefined) return;
    const { logger, link } = this.#options;
    const request = decodeRequest(message);
    if (!request.ok) {
      logger.warn('request refused', { topic: message.topic, reason: request.reason });
      if (request.answer !== undefined && isSafeResponseTopic(request.answer.path.responseTopic))
        await publishReply(link, request.answer.path, request.answer.payload);
      return;
    }
    if (!isSafeResponseTopic(request.reply.responseTopic))
      return logger.warn('request ignored: its Response Topic is no reply topic', {
        responseTopic: request.reply.responseTopic,
      });
    const span = startSpan('@shoal/supervisor', request.method, {
      kind: 'server',
      attributes: {
        'messaging.system': 'mqtt',
        'a2a.method': request.method,
        'shoal.workflow.id': workflow.id,
        ...('taskId' in request ? { 'a2a.task.id': normalizeTaskId(request.taskId) } : {}),
      },
      parent: { ...request.service },
    });
    let failure: string | undefined;
    try {
      await within(span, () => this.#dispatch(workflow, request, message.payload.length, span));
    } catch (error) {
      failure = error instanceof Refusal ? String(error.rpc.code) : 'failed';
      if (!(error instanceof Refusal)) throw error;
      logger.info('request refused', {
        workflowId: workflow.id,
        method: request.method,
        reason: error.message,
      });
      await this.#reply(request, errorPayload(request.id, error.rpc));
    } finally {
      endSpan(span, failure);
    }
  }

  #dispatch(
    workflow: Workflow,
    request: DecodedRequest,
    bytes: number,
    span: StartedSpan | undefined,
  ): Promise<void> {
    const { maxRequestBytes } = this.#options;
    if (request.expiresAtMs !== undefined && performance.now() > request.expiresAtMs)
      throw new Refusal(bindingError('request_expired', 'the request expired before it was taken up'));
    switch (request.method) {
      case 'SendMessage':
      case 'SendStreamingMessage':
        if (bytes > maxRequestBytes) {
          throw refuseField(
            'message',
            `takes ${bytes} bytes of at most ${maxRequestBytes}: send large data by url`,
          );
        }
        return this.#inTurn(normalizeTaskId(request.taskId), () => this.#send(workflow, request, span));
      case 'GetTask':
        return this.#get(workflow, request, request.params.id, request.params.historyLength);
      case 'CancelTask':
        return this.#cancel(workflow, request, request.params.id);
      case 'SubscribeToTask':
        return this.#subscribe(workflow, request, request.params.id);
      case 'ListTasks':
        return this.#list(workflow, request);
      case 'GetExtendedAgentCard':
        throw new Refusal(a2aError('UnsupportedOperation', 'a workflow has no extended Agent Card'));
      default:
        throw new Refusal(
          a2aError(
            'PushNotificationNotSupported',
            'a workflow sends no push notifications: subscribe to the task',
          ),
        );
    }
  }

  async #send(workflow: Workflow, request: SendCall, span: StartedSpan | undefined): Promise<void> {
    const { store, reconciler } = this.#options;
    const sessionId = normalizeTaskId(request.taskId);
    const known = store.get(sessionId);
    const fresh = known?.session === undefined;
    const streaming = request.method === 'SendStreamingMessage';
    const immediate = !streaming && request.params.configuration?.returnImmediately === true;
    if (!fresh) checkSame(known, workflow, request.params);
    if (known?.outcome !== undefined) {
      if (!isRepeated(known, request)) decisionIn(known, request, this.#options.now());
      return this.#replyEnd(request, known);
    }
    reconciler.hold(sessionId);
    try {
      const view = fresh ? await this.#create(workflow, sessionId, request, span) : known;
      if (!isRepeated(view, request)) await this.#takeDecision(view, request);
      if (!immediate) await this.#addCaller(view, request, streaming);
      // Write, then read (rule 14). A session that was made just now has no outcome that could be missed.
      if (!fresh) await store.sync();
      const now = store.get(sessionId) ?? view;
      if (now.outcome !== undefined) return await this.#replyEnd(request, now);
      const interrupted = pendingApprovals(now).length > 0;
      if (streaming || immediate || interrupted) await this.#replyTask(request, now);
    } finally {
      reconciler.release(sessionId);
    }
  }

  async #create(
    workflow: Workflow,
    sessionId: string,
    { params, service }: SendCall,
    span: StartedSpan | undefined,
  ): Promise<SessionView> {
    const { org, unit, store, now, maxOpenSessions, openSessions } = this.#options;
    if (store.get(sessionId)?.purge !== undefined)
      throw new Refusal(a2aError('UnsupportedOperation', 'the session was purged: start another task'));
    if (this.#options.refusesNonIdempotent() && workflow.steps.some(({ idempotent }) => idempotent === false))
      throw new Refusal(
        bindingError(
          'responder_unavailable',
          'the broker forgets retained messages when it restarts: a step that must not act twice is not safe on it',
        ),
      );
    if (openSessions() >= maxOpenSessions)
      throw new Refusal(
        bindingError('responder_unavailable', `${maxOpenSessions} sessions are open: try again later`),
      );
    // Without an SDK in this process, what the requester sent is handed on to the steps.
    const trace = span?.carrier ?? traceContextOf({ ...service });
    const session = await planRequest({ workflow, sessionId, params, store, org, unit, trace, now: now() });
    if (session.rerun !== undefined) addLink(span, store.get(session.rerun.of)?.session?.trace);
    return openSession(this.#options, session);
  }

  /** A further message of a known session can only be the word on an approval. */
  async #takeDecision(view: SessionView, request: SendCall): Promise<void> {
    const { store, now, logger } = this.#options;
    const decision = decisionIn(view, request, now());
    if (decision === undefined || view.session === undefined) return;
    const { topic, record } = decision;
    await store.write(view.session, topic, record);
    const { sessionId, stepId, action, by } = record;
    logger.info('decision', { sessionId, stepId, action, by });
  }

  async #addCaller(view: SessionView, request: DecodedRequest, streaming: boolean): Promise<void> {
    const { store, now } = this.#options;
    if (view.session === undefined) return;
    const correlation = request.reply.correlationData ?? new Uint8Array();
    const topic = sessionTopics(view).caller(callerHash(request.reply.responseTopic, correlation));
    const caller: CallerRecord = {
      schemaVersion: 1,
      sessionId: view.sessionId,
      responseTopic: request.reply.responseTopic,
      correlationData: encodeCorrelation(correlation),
      requestId: request.id,
      streaming,
      at: isoTime(now()),
    };
    await store.write(view.session, topic, caller);
  }

  async #get(
    workflow: Workflow,
    request: DecodedRequest,
    id: string,
    historyLength: number | undefined,
  ): Promise<void> {
    const view = await this.#find(workflow, id);
    const task = taskOf(view);
    if (task === undefined) throw notFound(id);
    await this.#reply(request, replyPayload(request.id, viewTask(task, { historyLength })));
  }

  async #list(workflow: Workflow, request: Extract<DecodedRequest, { method: 'ListTasks' }>): Promise<void> {
    const { store } = this.#options;
    const tasks = [...store.all()].flatMap((view) => {
      const task = view.session?.workflowId === workflow.id ? taskOf(view) : undefined;
      return task === undefined ? [] : [task];
    });
    const page = listTasks(tasks, request.params);
    if ('error' in page) throw new Refusal(page.error);
    await this.#reply(request, replyPayload(request.id, page.result));
  }

  async #cancel(workflow: Workflow, request: DecodedRequest, id: string): Promise<void> {
    const { store, now, outcomes, cancelWaitMs, logger } = this.#options;
    const view = await this.#find(workflow, id);
    if (view.outcome === undefined && view.control === undefined && view.session !== undefined) {
      const { control } = sessionTopics(view);
      const record: ControlRecord = {
        schemaVersion: 1,
        sessionId: view.sessionId,
        action: 'cancel',
        at: isoTime(now()),
      };
      await store.write(view.session, control, record);
      logger.info('cancel', { sessionId: view.sessionId });
    }
    // The request counts as taken from here on: what is left is to tell how it went.
    void (async () => {
      if (store.get(view.sessionId)?.outcome === undefined) await outcomes.wait(view.sessionId, cancelWaitMs);
      const current = store.get(view.sessionId) ?? view;
      const state = current.outcome?.state;
      const payload =
        state !== undefined && state !== 'canceled'
          ? errorPayload(request.id, a2aError('TaskNotCancelable', `the session has ended: ${state}`))
          : replyPayload(request.id, taskOf(current));
      await this.#reply(request, payload);
    })().catch((error: unknown) =>
      logger.warn('the answer to CancelTask was not sent', { error: String(error) }),
    );
  }

  async #subscribe(workflow: Workflow, request: DecodedRequest, id: string): Promise<void> {
    const { store, reconciler } = this.#options;
    const view = await this.#find(workflow, id);
    if (view.outcome !== undefined)
      throw new Refusal(a2aError('UnsupportedOperation', 'the task has ended: read it with GetTask'));
    await this.#addCaller(view, request, true);
    await store.sync();
    const now = store.get(view.sessionId) ?? view;
    if (now.outcome !== undefined) await this.#replyEnd(request, now);
    else await this.#replyTask(request, now);
    reconciler.look(view.sessionId);
  }

  async #find(workflow: Workflow, id: string): Promise<SessionView> {
    const { store } = this.#options;
    const sessionId = normalizeTaskId(id);
    if (store.get(sessionId)?.session === undefined) await store.sync();
    const view = store.get(sessionId);
    if (view?.session?.workflowId !== workflow.id) throw notFound(id);
    return view;
  }

  /** The outcome, word for word, to a caller that came after it: the supervisor's only part in the data path (rule 14). */
  async #replyEnd(request: DecodedRequest, view: SessionView): Promise<void> {
    if (view.outcome === undefined) return;
    await this.#reply(request, taskPayload(request, view.outcome.task));
    this.#options.reconciler.look(view.sessionId);
  }

  async #replyTask(request: DecodedRequest, view: SessionView): Promise<void> {
    const task = taskOf(view);
    if (task !== undefined) await this.#reply(request, taskPayload(request, task));
  }

  #reply(request: DecodedRequest, payload: string): Promise<void> {
    const { link, logger } = this.#options;
    return answerRequest(link, request, payload, logger);
  }

  #inTurn(key: string, act: () => Promise<void>): Promise<void> {
    const before = this.#queues.get(key) ?? Promise.resolve();
    const mine = before.catch(() => undefined).then(act);
    this.#queues.set(key, mine);
    return mine.finally(() => {
      if (this.#queues.get(key) === mine) this.#queues.delete(key);
    });
  }
}

/** The message that the session was made of, once more. */
function isRepeated(view: SessionView, { params }: SendCall): boolean {
  return view.session?.request.messageId === params.message.messageId;
}
