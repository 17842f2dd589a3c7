import { createAgent, retainedTaskStore, type Agent } from '@shoal/agent-sdk';
import { createBroker } from '@shoal/broker';
import { openLink, type Link, type LinkOptions } from '@shoal/mqtt-link';
import { agentTopics, type Task } from '@shoal/protocol';
import {
  createHost,
  createSupervisor,
  inProcessSpawner,
  openRemoteHosts,
  type Spawner,
} from '@shoal/supervisor';
import {
  parseWorkflow,
  runOrder,
  type AgentBlueprint,
  type Blueprint,
  type SpawnOrder,
  type StepContext,
  type Workflow,
} from '@shoal/workflow';
import type { FaultPlan, HostsPlan } from '../core/fault-plan.ts';
import type { Sabotage } from '../core/sabotage.ts';
import { blueprintsOf } from '../../shapes/blueprints.ts';
import { WANTED_AGENT } from '../../shapes/scenarios.ts';
import { startExtender, startSensor, startWaiter } from './bystanders.ts';
import { startCaller } from './caller.ts';
import { ORG, SESSION_ID, UNIT } from './names.ts';
import { startRerunner } from './rerunner.ts';
import { mends } from './reruns.ts';
import type { SimScenario } from './scenarios.ts';
import { SimDisk } from './sim-store.ts';
import { Wire } from './wire.ts';
import { currentProcess, pause, type SimProcess, type World } from './world.ts';

const URL = 'mqtt://simulated';
const LABELED = { labels: { site: 'north' } };
/** By then a supervisor that nothing befell takes requests. */
const FIRST_CALL_MS = 200;

/** Something that was done to the world, and who did it. */
export interface Effect {
  readonly sessionId: string;
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
  /** To be called when a re-run is asked for; acts once. */
  rerunBegins: () => void = () => undefined;
  readonly world: World;
  readonly wire: Wire;
  readonly effects: Effect[] = [];
  readonly told: Told[] = [];
  readonly instances: SimProcess[] = [];
  readonly supervisors: SimProcess[] = [];
  readonly callers: SimProcess[] = [];
  readonly hosts: SimProcess[] = [];
  broker: SimProcess | undefined;
  deviceAgent: SimProcess | undefined;
  spawns = 0;
  /** Whatever had to be sensed was. */
  sensed: boolean;
  onBrokerStart: () => void = () => undefined;
  readonly #scenario: SimScenario;
  readonly #workflows: readonly Workflow[];
  readonly #sabotage: Sabotage | undefined;
  #home: FaultPlan['home'] = 'processes';
  #disk: SimDisk;

  constructor(world: World, scenario: SimScenario, sabotage?: Sabotage) {
    this.world = world;
    this.#sabotage = sabotage;
    this.wire = new Wire(world);
    this.#scenario = scenario;
    this.sensed = scenario.triggered?.by !== 'alarms';
    const yaml =
      sabotage === 'careless-step'
        ? scenario.yaml.replaceAll('idempotent: false', 'idempotent: true')
        : scenario.yaml;
    this.#workflows = [yaml, ...(scenario.children ?? [])].map((text) => parseWorkflow(text));
    this.#disk = this.#newDisk();
  }

  start({ supervisors, duplicate, home }: Omit<FaultPlan, 'faults'>): void {
    this.#home = home;
    this.startBroker();
    if (typeof home === 'object') for (let at = 0; at < home.count; at += 1) this.startHost(at);
    if (this.#scenario.asksDevice === true) this.#startDeviceAgent();
    if (this.#scenario.asksDevice === 'wanted') this.#wantDeviceAgent();
    for (let at = 0; at < supervisors; at += 1) this.startSupervisor(at);
    const { extended, triggered } = this.#scenario;
    if (triggered?.by === 'alarms') startSensor(this);
    if (extended !== undefined) startExtender(this, extended);
    this.#startCaller('caller-0', FIRST_CALL_MS);
    // Often at once: then supervisors contend for one session.
    const laterMs = this.world.random.chance(0.5) ? 0 : this.world.random.between(0, 300);
    if (duplicate) this.#startCaller('caller-1', FIRST_CALL_MS + laterMs);
  }

  #startCaller(name: string, afterMs: number): void {
    const { triggered, rerun } = this.#scenario;
    if (triggered !== undefined) startWaiter(this, this.#scenario, name);
    else if (rerun !== undefined) startRerunner(this, this.#scenario, rerun, name, afterMs);
    else startCaller(this, this.#scenario, name, afterMs);
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
    this.supervisors[index] = this.#startAgain(`supervisor-${index}`, (process) => this.#supervise(process));
  }

  startHost(index: number): void {
    this.hosts[index] = this.#startAgain(`host-${index}`, (process) => this.#takeOrders(process, index));
  }

  /** As a process manager: what cannot start, or was evicted, is started again. */
  #startAgain(name: string, main: (process: SimProcess) => Promise<string>): SimProcess {
    const process: SimProcess = this.world.start(name, async () => {
      for (;;) {
        const why = await main(process).catch((error: unknown) => String(error));
        this.world.note(`${name} ended: ${why}`);
        await pause(300);
      }
    });
    return process;
  }

  async #supervise(process: SimProcess): Promise<string> {
    const spawner = await this.#spawnerOf(process);
    const supervisor = createSupervisor({
      url: URL,
      org: ORG,
      unit: UNIT,
      supervisorId: process.name,
      workflows: this.#workflows,
      agentBlueprints: [WANTED_AGENT],
      spawner,
      placements: this.#isLabeled ? { plain: LABELED } : {},
      openStream: () => this.wire.dial(process),
      random: () => this.world.random.next(),
    });
    try {
      await supervisor.start();
      return await supervisor.ended;
    } finally {
      await spawner.stop();
    }
  }

  get #isLabeled(): boolean {
    return typeof this.#home === 'object' && this.#home.labeled;
  }

  async #spawnerOf(process: SimProcess): Promise<Spawner> {
    if (this.#home === 'supervisor') return this.#inside(process);
    if (this.#home === 'processes') return this.#processes();
    return openRemoteHosts({ url: URL, org: ORG, unit: UNIT, openStream: () => this.wire.dial(process) });
  }

  async #takeOrders(process: SimProcess, index: number): Promise<string> {
    const { count, capacity, inside } = this.#home as HostsPlan;
    const spawner = inside ? this.#inside(process) : this.#processes();
    const host = createHost({
      url: URL,
      org: ORG,
      unit: UNIT,
      hostId: process.name,
      spawner,
      capacity,
      labels: this.#isLabeled && index === count - 1 ? {} : LABELED.labels,
      openStream: () => this.wire.dial(process),
    });
    try {
      await host.start();
      return await host.ended;
    } finally {
      if (inside) await spawner.stop();
    }
  }

  /** After its death. One that is wanted is started by the supervisors. */
  restartDeviceAgent(): void {
    if (this.#scenario.asksDevice === true) this.#startDeviceAgent();
  }

  #startDeviceAgent(): void {
    const process: SimProcess = this.world.start('device-agent', () =>
      untilItWorks(() => this.#newDeviceAgent(process).start()),
    );
    this.deviceAgent = process;
  }

  #newDeviceAgent(process: SimProcess): Agent {
    const skill = { id: 'turn', name: 'Turn', description: 'Turns.', tags: ['turn'] };
    return createAgent({
      url: URL,
      org: ORG,
      unit: UNIT,
      agentId: this.#scenario.asksDevice === 'wanted' ? WANTED_AGENT : 'pump',
      linkOptions: { openStream: () => this.wire.dial(process) },
      tasks: retainedTaskStore(),
      card: { name: 'Pump', description: 'Turns.', skills: [skill] },
      handle: async ({ metadata }) => {
        const { sessionId } = metadata;
        this.#acted(typeof sessionId === 'string' ? sessionId : SESSION_ID, 'act', process);
        await pause(this.world.random.between(2, 60));
        return { data: { speed: 900 } };
      },
    });
  }

  /** Somebody wants it, once: the record stays. */
  #wantDeviceAgent(): void {
    const process: SimProcess = this.world.start('operator', async () => {
      const link = await this.connect(process, `${ORG}/${UNIT}/operator`);
      const desired = { schemaVersion: 1, agentId: WANTED_AGENT, blueprint: WANTED_AGENT, state: 'running' };
      const { desired: topic } = agentTopics({ org: ORG, unit: UNIT, agentId: WANTED_AGENT });
      await link.publish(topic, JSON.stringify(desired), { qos: 1, retain: true });
    });
  }

  #agentBlueprint(process: SimProcess): AgentBlueprint {
    return {
      id: WANTED_AGENT,
      description: 'The device agent.',
      start: async () => {
        const agent = this.#newDeviceAgent(process);
        await agent.start();
        return { stop: () => agent.stop() };
      },
    };
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

  #acted(sessionId: string, stepId: string, by: SimProcess): void {
    this.effects.push({ sessionId, stepId, by: by.name });
    if (this.#scenario.once.includes(stepId)) this.onActedOnce(by);
  }

  /** Instances in the process of their supervisor, or of their host. */
  #inside(process: SimProcess): Spawner {
    const inside = inProcessSpawner({
      url: URL,
      blueprints: this.#blueprints(() => process),
      agents: [this.#agentBlueprint(process)],
      openStream: () => this.wire.dial(process),
      abortGraceMs: 300,
    });
    return {
      ...inside,
      get running() {
        return inside.running;
      },
      spawn: (order, hooks) => {
        if (order.kind === 'step') this.spawns += 1;
        else this.deviceAgent = process;
        return inside.spawn(order, hooks);
      },
    };
  }

  #blueprints(by: () => SimProcess): readonly Blueprint[] {
    const pauseMs = (): number => this.world.random.between(2, 60);
    const acted = ({ sessionId, stepId }: StepContext): void => this.#acted(sessionId, stepId, by());
    return [...blueprintsOf(pauseMs, acted), mends(pauseMs, acted)];
  }

  /** Instances as child processes: they outlive whoever started them, who hears of their end while he lives. */
  #processes(): Spawner {
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
    if (order.kind === 'step') this.spawns += 1;
    const name = order.kind === 'step' ? `${order.stepId}#${order.attempt}` : order.agentId;
    const parent = currentProcess();
    let clean = false;
    const process: SimProcess = world.start(name, async () => {
      await pause(afterMs);
      const end = await runOrder(order, {
        url: URL,
        blueprints: this.#blueprints(() => process),
        agents: [this.#agentBlueprint(process)],
        openStream: () => this.wire.dial(process),
        abortGraceMs: 300,
      });
      clean = end === 'clean';
      return 'exit';
    });
    this.instances.push(process);
    if (order.kind === 'agent') this.deviceAgent = process;
    // The exit of a child is news for its parent only, and only while that lives.
    process.onDeath.push(() => {
      if (parent !== undefined) world.planFor(parent, 1, () => onExit(clean));
    });
  }
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
