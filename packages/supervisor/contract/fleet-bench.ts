import { randomUUID } from 'node:crypto';
import { createRequester, type Requester } from '@shoal/agent-sdk';
import { createBroker } from '@shoal/broker';
import { openLink, readRetained, type Link, type Logger } from '@shoal/mqtt-link';
import { testBrokers } from '@shoal/mqtt-link/testing';
import { sessionTopics, treeFilter, type SessionOutcome, type Task } from '@shoal/protocol';
import {
  foldSession,
  parseWorkflow,
  type AgentBlueprint,
  type Blueprint,
  type SessionView,
} from '@shoal/workflow';
import {
  createSupervisor,
  inProcessSpawner,
  type Spawner,
  type Supervisor,
  type SupervisorOptions,
} from '../src/index.ts';
import { QUICK } from './quick-policy.ts';

export interface TestBroker {
  readonly url: string;
  stop(): Promise<void>;
}

export const BROKERS: readonly (readonly [name: string, start: () => Promise<TestBroker>])[] = testBrokers(
  createBroker,
)
  .filter(({ skip }) => !skip)
  .map(({ name, start }) => [name, start] as const);

export interface LogLine {
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** A unit of its own on a broker: supervisors, a requester, and a look at what is retained. */
export class FleetBench {
  readonly url: string;
  readonly unit = `u-${randomUUID().slice(0, 8)}`;
  readonly log: LogLine[] = [];
  readonly supervisors: Supervisor[] = [];
  readonly spawners: Spawner[] = [];
  link!: Link;
  requester!: Requester;
  #onLog = new Set<() => void>();
  #watch: Promise<Link> | undefined;

  private constructor(url: string) {
    this.url = url;
  }

  static async open(url: string): Promise<FleetBench> {
    const bench = new FleetBench(url);
    const agentId = `caller-${randomUUID().slice(0, 8)}`;
    bench.link = await openLink({ url, clientId: `o/${bench.unit}/${agentId}` });
    bench.requester = createRequester({ link: bench.link, address: { org: 'o', unit: bench.unit, agentId } });
    return bench;
  }

  readonly logger: Logger = {
    debug: (message, fields) => this.#took(message, fields),
    info: (message, fields) => this.#took(message, fields),
    warn: (message, fields) => this.#took(message, fields),
    error: (message, fields) => this.#took(message, fields),
  };

  #took(message: string, fields: Record<string, unknown> = {}): void {
    this.log.push({ message, fields });
    if (process.env['SHOAL_TEST_LOG'] !== undefined)
      process.stderr.write(`${(performance.now() / 1000).toFixed(2)} ${message} ${JSON.stringify(fields)}\n`);
    for (const check of this.#onLog) check();
  }

  /** Resolves when a line of the log fits. */
  logged(fits: (line: LogLine) => boolean): Promise<void> {
    if (this.log.some(fits)) return Promise.resolve();
    return new Promise((resolve) => {
      const check = (): void => {
        if (!this.log.some(fits)) return;
        this.#onLog.delete(check);
        resolve();
      };
      this.#onLog.add(check);
    });
  }

  async supervise(
    yaml: string | readonly string[],
    blueprints: readonly Blueprint[],
    more: Partial<SupervisorOptions> & { agents?: readonly AgentBlueprint[] } = {},
  ): Promise<Supervisor> {
    const { agents = [], ...options } = more;
    const spawner =
      options.spawner ??
      inProcessSpawner({ url: this.url, blueprints, agents, logger: this.logger, abortGraceMs: 300 });
    this.spawners.push(spawner);
    const supervisor = createSupervisor({
      url: this.url,
      org: 'o',
      unit: this.unit,
      workflows: (typeof yaml === 'string' ? [yaml] : yaml).map((text) => parseWorkflow(text)),
      spawner,
      policy: QUICK,
      reconcileIntervalMs: 500,
      probeTimeoutMs: 300,
      logger: this.logger,
      ...options,
    });
    this.supervisors.push(supervisor);
    await supervisor.start();
    return supervisor;
  }

  address(agentId = 'flow'): { org: string; unit: string; agentId: string } {
    return { org: 'o', unit: this.unit, agentId };
  }

  async ask(
    data: Record<string, unknown> = {},
    taskId: string = randomUUID(),
    firstReplyTimeoutMs = 15_000,
  ): Promise<Task> {
    return (await this.requester.send(this.address(), { data, taskId }, { firstReplyTimeoutMs })) as Task;
  }

  /** What the broker keeps of a session. */
  async view(sessionId: string): Promise<SessionView> {
    const address = { org: 'o', unit: this.unit, sessionId };
    const found = await readRetained(this.link, `shoal/v1/o/${this.unit}/session/${sessionId}/#`);
    return foldSession(
      address,
      [...found].map(([topic, { payload }]) => [topic, payload] as const),
    ).view;
  }

  /** Resolves when what was published before has passed the broker, and a little later a supervisor. */
  async settled(nonce: string): Promise<void> {
    const topic = `test/${this.unit}/settled`;
    await new Promise<void>((resolve, reject) => {
      this.link
        .subscribe(topic, (message) => {
          if (message.text() === nonce) resolve();
        })
        .then(() => this.link.publish(topic, nonce), reject)
        .catch(reject);
    });
    for (const supervisor of this.supervisors)
      await readRetained(supervisor.link as Link, `shoal/v1/o/${this.unit}/device/none`);
  }

  /** Every session of the unit that the broker holds. */
  async sessions(): Promise<readonly SessionView[]> {
    const ids = new Set([...(await this.retained()).keys()].map((topic) => topic.split('/')[5] ?? ''));
    return Promise.all([...ids].map((id) => this.view(id)));
  }

  /** The outcome of a session, when it comes. */
  async ended(sessionId: string): Promise<SessionOutcome> {
    const { outcome } = sessionTopics({ org: 'o', unit: this.unit, sessionId });
    return new Promise((resolve, reject) => {
      this.link
        .subscribe(outcome, (message) => resolve(JSON.parse(message.text()) as SessionOutcome))
        .catch(reject);
    });
  }

  /** Resolves when `holds`, asked whenever a record of the unit or a line of the log comes. */
  async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    const tree = `shoal/v1/o/${this.unit}/+/#`;
    let again = (): void => undefined;
    const wake = (): void => again();
    this.#onLog.add(wake);
    // On a link of its own: Mosquitto delivers a message once where subscriptions of one client overlap.
    this.#watch ??= openLink({ url: this.url, clientId: `o/${this.unit}/watch-${randomUUID().slice(0, 8)}` });
    const subscription = await (await this.#watch).subscribe(tree, wake);
    for (;;) {
      const changed = new Promise<void>((resolve) => (again = resolve));
      if (await holds()) break;
      await changed;
    }
    this.#onLog.delete(wake);
    await subscription.close();
  }

  async retained(): Promise<Awaited<ReturnType<typeof readRetained>>> {
    return readRetained(this.link, treeFilter('session', { org: 'o', unit: this.unit }));
  }

  async close(): Promise<void> {
    await Promise.all(this.supervisors.map((supervisor) => supervisor.stop()));
    await Promise.all(this.spawners.map((spawner) => spawner.stop()));
    await this.requester.close();
    await (await this.#watch)?.close();
    await this.link.close();
  }
}
