import { randomUUID } from 'node:crypto';
import { createBroker } from '@shoal/broker';
import { openLink, type Link } from '@shoal/mqtt-link';
import { testBrokers } from '@shoal/mqtt-link/testing';
import { sessionTopics, type SessionRecord } from '@shoal/protocol';
import {
  applyRecord,
  callerHash,
  emptyView,
  encodeCorrelation,
  isoTime,
  parseWorkflow,
  planWorkflow,
  runStep,
  writeRecord,
  type Blueprint,
  type RunStepOptions,
  type SessionView,
  type StepEnd,
} from '../src/index.ts';

export interface TestBroker {
  readonly url: string;
  stop(): Promise<void>;
}

/** Every broker that the suite runs on; one that is not installed is left out. */
export const BROKERS: readonly (readonly [name: string, start: () => Promise<TestBroker>])[] = testBrokers(
  createBroker,
)
  .filter(({ skip }) => !skip)
  .map(({ name, start }) => [name, start] as const);

export interface Reply {
  readonly responseTopic: string;
  readonly body: { readonly id: unknown; readonly result: Record<string, never> };
}

/** A session on a broker, seen and driven from outside, the supervisor's part played by the test. */
export class SessionBench {
  readonly url: string;
  readonly link: Link;
  readonly session: SessionRecord;
  readonly view: SessionView;
  readonly replies: Reply[] = [];
  /** Each record written, in topic order: `b/result`. */
  readonly writes: string[] = [];
  readonly #waiting = new Set<() => void>();

  private constructor(url: string, link: Link, session: SessionRecord) {
    this.url = url;
    this.link = link;
    this.session = session;
    this.view = emptyView(session);
  }

  static async open(url: string, yaml: string, data?: Record<string, unknown>): Promise<SessionBench> {
    const sessionId = randomUUID();
    const message = {
      messageId: 'm',
      role: 'ROLE_USER' as const,
      taskId: sessionId,
      parts: [data === undefined ? { text: 'go' } : { data }],
    };
    const session = planWorkflow(parseWorkflow(yaml), {
      org: 'o',
      unit: 'u',
      sessionId,
      contextId: sessionId,
      message,
      now: Date.now(),
    });
    const link = await openLink({ url, clientId: `o/u/bench-${randomUUID()}` });
    const bench = new SessionBench(url, link, session);
    await link.subscribe(sessionTopics(session).all, (message) => {
      applyRecord(bench.view, message.topic, message.payload);
      bench.writes.push(message.topic.split('/').slice(6).join('/').replace('step/', ''));
      for (const check of bench.#waiting) check();
    });
    await bench.put(sessionTopics(session).session, session);
    return bench;
  }

  put(topic: string, record: unknown): Promise<unknown> {
    return writeRecord(this.link, this.session, topic, record, Date.now());
  }

  claim(stepId: string, attempt: number, claimId = `c${attempt}`): Promise<unknown> {
    const record = {
      schemaVersion: 1,
      sessionId: this.session.sessionId,
      stepId,
      attempt,
      claimId,
      supervisorId: 'bench',
      at: isoTime(Date.now()),
    };
    return this.put(sessionTopics(this.session).step(stepId).attempt, record);
  }

  /** Claims and runs one attempt. */
  async run(
    stepId: string,
    blueprints: readonly Blueprint[],
    attempt = 1,
    more: Partial<RunStepOptions> = {},
  ): Promise<StepEnd> {
    await this.claim(stepId, attempt);
    return this.spawn(stepId, blueprints, attempt, more);
  }

  /** Runs one attempt without a claim. */
  spawn(
    stepId: string,
    blueprints: readonly Blueprint[],
    attempt = 1,
    more: Partial<RunStepOptions> = {},
  ): Promise<StepEnd> {
    const { org, unit, sessionId, workflowId } = this.session;
    const order = {
      kind: 'step' as const,
      org,
      unit,
      sessionId,
      workflowId,
      stepId,
      attempt,
      claimId: `c${attempt}`,
      blueprint: 'work',
    };
    return runStep(order, { url: more.url ?? this.url, blueprints, abortGraceMs: 300, ...more });
  }

  runAll(blueprints: readonly Blueprint[]): Promise<StepEnd[]> {
    return Promise.all(this.session.steps.map((step) => this.run(step.id, blueprints)));
  }

  async addCaller(streaming: boolean): Promise<string> {
    const responseTopic = `$a2a/v1/reply/o/u/caller/${randomUUID()}`;
    const correlation = Buffer.from(randomUUID());
    await this.link.subscribe(responseTopic, (message) => {
      if (!Buffer.from(message.correlationData ?? []).equals(correlation))
        throw new Error('another correlation');
      this.replies.push({ responseTopic, body: JSON.parse(message.text()) as Reply['body'] });
      for (const check of this.#waiting) check();
    });
    await this.put(sessionTopics(this.session).caller(callerHash(responseTopic, correlation)), {
      schemaVersion: 1,
      sessionId: this.session.sessionId,
      responseTopic,
      correlationData: encodeCorrelation(correlation),
      requestId: 7,
      streaming,
      at: isoTime(Date.now()),
    });
    return responseTopic;
  }

  async cancel(): Promise<void> {
    const record = {
      schemaVersion: 1,
      sessionId: this.session.sessionId,
      action: 'cancel',
      reason: 'enough',
      at: isoTime(Date.now()),
    };
    await this.put(sessionTopics(this.session).control, record);
  }

  /** Resolves when `holds`, asked at every record and reply. */
  until(holds: (bench: SessionBench) => boolean): Promise<void> {
    if (holds(this)) return Promise.resolve();
    return new Promise((resolve) => {
      const check = (): void => {
        if (!holds(this)) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
    });
  }

  countOf(write: string): number {
    return this.writes.filter((one) => one === write).length;
  }

  close(): Promise<void> {
    return this.link.close();
  }
}
