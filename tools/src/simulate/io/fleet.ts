import {
  createAgent,
  createRequester,
  isA2aError,
  retainedTaskStore,
  type Requester,
} from '@shoal/agent-sdk';
import { createBroker } from '@shoal/broker';
import { openLink, type Link, type LinkOptions } from '@shoal/mqtt-link';
import type { AgentAddress, Task } from '@shoal/protocol';
import { createSupervisor, type Spawner } from '@shoal/supervisor';
import { parseWorkflow, runOrder, type SpawnOrder, type Workflow } from '@shoal/workflow';
import type { FaultPlan } from '../core/fault-plan.ts';
import type { Sabotage } from '../core/sabotage.ts';
import { blueprintsOf } from '../../shapes/blueprints.ts';
import type { Scenario } from '../../shapes/scenarios.ts';
import { SimDisk } from './sim-store.ts';
import { Wire } from './wire.ts';
import { currentProcess, type SimProcess, type World } from './world.ts';

export const ORG = 'o';
export const UNIT = 'u';
export const SESSION_ID = '3f0c2f7e-7a63-4a0b-9d0e-5a8f4f1f2a01';
const URL = 'mqtt://simulated';
/** By then a supervisor that nothing befell takes requests. */
const FIRST_CALL_MS = 200;

/** Something that was done to the world, and who did it. */
export interface Effect {
  readonly stepId: string;
  readonly by: string;
}

/** What the callers were told at the end, in order. */
export interface Told {
  readonly caller: string;
  readonly task: Task;
}

/** Everything that runs in one simulation: the real code, each process with a life of its own. */
export class Fleet {
  /** Called when a step that must not act twice has acted. */
  onActedOnce: (by: SimProcess) => void = () => undefined;
  readonly world: World;
  readonly wire: Wire;
  readonly effects: Effect[] = [];
  readonly told: Told[] = [];
  readonly instances: SimProcess[] = [];
  readonly supervisors: SimProcess[] = [];
  readonly callers: SimProcess[] = [];
  broker: SimProcess | undefined;
  deviceAgent: SimProcess | undefined;
  spawns = 0;
  onBrokerStart: () => void = () => undefined;
  readonly #scenario: Scenario;
  readonly #address: AgentAddress;
  readonly #workflow: Workflow;
  readonly #sabotage: Sabotage | undefined;
  #disk: SimDisk;

  constructor(world: World, scenario: Scenario, sabotage?: Sabotage) {
    this.world = world;
    this.#sabotage = sabotage;
    this.wire = new Wire(world);
    this.#scenario = scenario;
    this.#address = { org: ORG, unit: UNIT, agentId: scenario.id };
    const yaml =
      sabotage === 'careless-step'
        ? scenario.yaml.replaceAll('idempotent: false', 'idempotent: true')
        : scenario.yaml;
    this.#workflow = parseWorkflow(yaml);
    this.#disk = this.#newDisk();
  }

  start({ supervisors, duplicate }: Pick<FaultPlan, 'supervisors' | 'duplicate'>): void {
    this.startBroker();
    if (this.#scenario.asksDevice === true) this.startDeviceAgent();
    for (let at = 0; at < supervisors; at += 1) this.startSupervisor(at);
    this.#startCaller('caller-0', FIRST_CALL_MS);
    if (duplicate) this.#startCaller('caller-1', FIRST_CALL_MS + this.world.random.between(0, 300));
  }

  #newDisk(): SimDisk {
    return new SimDisk(this.world, this.#sabotage === 'lying-disk');
  }

  startBroker(losesDisk = false): void {
    if (losesDisk) this.#disk = this.#newDisk();
    const disk = this.#disk;
    const process = this.world.start('broker', async () => {
      const broker = createBroker({ allowAnonymous: true, listen: { tcp: false }, store: disk.open() });
      await broker.start();
      this.wire.listening = { process, accept: (stream) => broker.handle(stream) };
    });
    this.onBrokerStart();
    this.broker = process;
  }

  /** After its death. */
  restartSupervisor(index: number): void {
    if (this.#sabotage !== 'absent-supervisor') this.startSupervisor(index);
  }

  startSupervisor(index: number): void {
    const process: SimProcess = this.world.start(`supervisor-${index}`, async () => {
      // As a process manager: what cannot start, or was evicted, is started again.
      for (;;) {
        const why = await this.#supervise(process).catch((error: unknown) => String(error));
        this.world.note(`${process.name} ended: ${why}`);
        await pause(300);
      }
    });
    this.supervisors[index] = process;
  }

  async #supervise(process: SimProcess): Promise<string> {
    const supervisor = createSupervisor({
      url: URL,
      org: ORG,
      unit: UNIT,
      supervisorId: process.name,
      workflows: [this.#workflow],
      spawner: this.#spawner(),
      openStream: () => this.wire.dial(process),
      random: () => this.world.random.next(),
    });
    await supervisor.start();
    return supervisor.ended;
  }

  startDeviceAgent(): void {
    const process: SimProcess = this.world.start('device-agent', () =>
      untilItWorks(() =>
        createAgent({
          url: URL,
          org: ORG,
          unit: UNIT,
          agentId: 'pump',
          linkOptions: { openStream: () => this.wire.dial(process) },
          tasks: retainedTaskStore(),
          card: { name: 'Pump', description: 'Turns.' },
          handle: () => {
            this.#acted('act', process);
            return { data: { speed: 900 } };
          },
        }).start(),
      ),
    );
    this.deviceAgent = process;
  }

  /** Opens a connection for a process, again and again until there is one. */
  async connect(process: SimProcess, clientId: string, more: Partial<LinkOptions> = {}): Promise<Link> {
    return openLink({
      url: URL,
      clientId,
      openStream: () => this.wire.dial(process),
      retryInitial: true,
      ...more,
    });
  }

  /** Asks until it is told an end, as a device agent does: with the same ids each time. */
  #startCaller(name: string, afterMs: number): void {
    const process: SimProcess = this.world.start(name, async () => {
      await pause(afterMs);
      const link = await this.connect(process, `${ORG}/${UNIT}/${name}`);
      const requester = createRequester({ link, address: { org: ORG, unit: UNIT, agentId: name } });
      const { cancelAfterMs } = this.#scenario;
      if (cancelAfterMs !== undefined) void this.#cancel(requester, cancelAfterMs);
      for (;;) {
        this.world.note(`${name} asks`);
        const task = await this.#ask(requester, name);
        if (task !== undefined) return void this.told.push({ caller: name, task });
        await pause(500);
      }
    });
    this.callers.push(process);
  }

  async #ask(requester: Requester, name: string): Promise<Task | undefined> {
    try {
      const answer = await requester.send(
        this.#address,
        { data: {}, taskId: SESSION_ID, messageId: 'm-1', contextId: 'c-1' },
        { firstReplyTimeoutMs: 20_000 },
      );
      return 'status' in answer ? answer : undefined;
    } catch (error) {
      this.world.note(`${name} is told ${isA2aError(error) ? error.code : String(error)}`);
      return undefined;
    }
  }

  async #cancel(requester: Requester, afterMs: number): Promise<void> {
    await pause(afterMs);
    await requester.cancelTask(this.#address, { id: SESSION_ID }).catch(() => undefined);
  }

  #acted(stepId: string, by: SimProcess): void {
    this.effects.push({ stepId, by: by.name });
    if (this.#scenario.once.includes(stepId)) this.onActedOnce(by);
  }

  /** Instances as child processes: they outlive the supervisor, and it hears of their end while it lives. */
  #spawner(): Spawner {
    let running = 0;
    const { world } = this;
    return {
      capacity: 1_000,
      get running() {
        return running;
      },
      stop: () => Promise.resolve(),
      spawn: (order, hooks) => {
        running += 1;
        this.#startInstance(order, world.random.between(1, 60), (clean) => {
          running -= 1;
          hooks?.onExit?.(clean);
        });
        return Promise.resolve();
      },
    };
  }

  #startInstance(order: SpawnOrder, afterMs: number, onExit: (clean: boolean) => void): void {
    const { world } = this;
    this.spawns += 1;
    const name = order.kind === 'step' ? `${order.stepId}#${order.attempt}` : order.agentId;
    const parent = currentProcess();
    let clean = false;
    const process: SimProcess = world.start(name, async () => {
      await pause(afterMs);
      const end = await runOrder(order, {
        url: URL,
        blueprints: blueprintsOf(
          () => world.random.between(2, 60),
          ({ stepId }) => this.#acted(stepId, process),
        ),
        openStream: () => this.wire.dial(process),
        abortGraceMs: 300,
      });
      clean = end === 'clean';
      return 'exit';
    });
    this.instances.push(process);
    // The exit of a child is news for its parent only, and only while that lives.
    process.onDeath.push(() => {
      if (parent !== undefined) world.planFor(parent, 1, () => onExit(clean));
    });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}

/** As a process manager: what cannot start is started again a little later. */
async function untilItWorks(start: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await start();
    } catch {
      await pause(300);
    }
  }
}
