import { parseWorkflow } from '@shoal/workflow';
import { planFaults, type Fault, type FaultPlan } from '../core/fault-plan.ts';
import { INVARIANTS, type Observed } from '../core/invariants.ts';
import { createRandom } from '../core/random.ts';
import type { Sabotage } from '../core/sabotage.ts';
import { endOf, stepsOf } from '../../shapes/end-of.ts';
import { WANTED_AGENT } from '../../shapes/scenarios.ts';
import { Fleet } from './fleet.ts';
import { Injector } from './inject.ts';
import { scenarioOf, sessionOf, type SimScenario } from './scenarios.ts';
import { enterWorld } from './virtual-globals.ts';
import { RecordWatch } from './watch.ts';
import { World } from './world.ts';

export interface SeedReport {
  readonly seed: number;
  readonly scenario: string;
  readonly faults: readonly string[];
  readonly violations: readonly string[];
  /** Invariants that said something about this run. */
  readonly checked: readonly string[];
  readonly virtualMs: number;
  readonly events: number;
  /** Of everything that happened, in order. */
  readonly digest: string;
  readonly trace: readonly string[];
  /** Run a second time in the same process, it went another way: what a module keeps outlives a run. */
  readonly unrepeated?: boolean;
}

export interface SeedOptions {
  readonly trace?: boolean;
  /** Also waits for the retention and looks for what is left. */
  readonly waitForRetention?: boolean;
  readonly sabotage?: Sabotage | undefined;
}

/** Longest virtual time until a session has ended, and until all that belongs to it is gone. */
const END_LIMIT_MS = 880_000;
const QUIET_LIMIT_MS = 180_000;
const RETENTION_LIMIT_MS = 2_200_000;
const MAX_ATTEMPTS = 14;

const undisturbedEnds = new Map<string, Promise<string>>();

/** One run, from its seed alone. */
export async function runSeed(seed: number, options: SeedOptions = {}): Promise<SeedReport> {
  const random = createRandom(seed);
  const scenario = scenarioOf(seed, random);
  const plan = planFaults(random, {
    actsOnce: scenario.once.length > 0,
    reruns: scenario.rerun !== undefined,
  });
  const end = undisturbedEnds.get(scenario.name) ?? endWithoutFaults(scenario);
  undisturbedEnds.set(scenario.name, end);
  const undisturbed = { end: await end };
  const run = await simulate(seed, scenario, plan, options);
  const violations: string[] = [];
  const checked: string[] = [];
  for (const { name, check } of INVARIANTS) {
    const broken = check(run.observed, undisturbed);
    if (broken === 'skip') continue;
    checked.push(name);
    if (broken !== undefined) violations.push(`${name}: ${broken}`);
  }
  const { faults } = run;
  return { seed, scenario: scenario.name, faults, violations, checked, ...run.facts };
}

async function endWithoutFaults(scenario: SimScenario): Promise<string> {
  const calm: FaultPlan = {
    supervisors: 1,
    duplicate: false,
    home: 'processes',
    from: 'start',
    faults: [],
  };
  const { observed } = await simulate(0, scenario, calm, {});
  const [told] = observed.told;
  if (told === undefined) throw new Error(`scenario "${scenario.name}" does not end even without faults`);
  return told.end;
}

interface Run {
  readonly observed: Observed;
  readonly faults: readonly string[];
  readonly facts: Pick<SeedReport, 'virtualMs' | 'events' | 'digest' | 'trace'>;
}

async function simulate(
  seed: number,
  scenario: SimScenario,
  plan: FaultPlan,
  options: SeedOptions,
): Promise<Run> {
  const world = new World(seed, options.trace);
  enterWorld(world, seed);
  world.note(`seed ${seed}, ${scenario.name}, ${plan.supervisors} supervisors`);
  const fleet = new Fleet(world, scenario, options.sabotage);
  const watch = new RecordWatch(world, sessionOf(scenario));
  const injector = new Injector(fleet, plan.faults);
  fleet.start(plan);
  watch.start(fleet);
  fleet.onBrokerStart = () => watch.onBrokerStart();
  if (plan.from === 'start') injector.arm();
  fleet.rerunBegins = () => {
    fleet.rerunBegins = () => undefined;
    if (plan.from === 'rerun') injector.arm();
  };
  const callers = fleet.callers.length;
  const isOver = (): boolean => injector.isOver && fleet.told.length >= callers && fleet.sensed;
  await world.runUntil(isOver, END_LIMIT_MS);
  const alive = (): string[] =>
    fleet.instances
      .filter(({ state, name }) => state !== 'dead' && name !== WANTED_AGENT)
      .map(({ name }) => name);
  await world.runUntil(() => alive().length === 0, QUIET_LIMIT_MS);
  const stillThere = alive();
  // The watch may have to connect again before it has seen everything.
  await world.runUntil(() => watch.hasSeen('outcome'), QUIET_LIMIT_MS);
  if (options.waitForRetention === true)
    await world.runUntil(() => watch.present.size === 0, RETENTION_LIMIT_MS);
  const nameOf = (topic: string): string => recordName(topic, sessionOf(scenario));
  const contents = new Map([...watch.contents].map(([topic, all]) => [nameOf(topic), all] as const));
  const observed: Observed = {
    scenario: { once: scenario.once, manyEnds: scenario.manyEnds === true },
    diskLost: plan.faults.some((fault: Fault) => fault.kind === 'kill' && fault.losesDisk === true),
    told: fleet.told.map(({ caller, task }) => ({ caller, task: JSON.stringify(task), end: endOf(task) })),
    callers,
    contents,
    occasions: occasionsOf(scenario, watch),
    steps: { ...statesIn(contents), ...stepsOf(fleet.told[0]?.task) },
    effects: fleet.effects,
    rerun: scenario.rerun === undefined ? undefined : { ...scenario.rerun, sessionId: sessionOf(scenario) },
    spawns: fleet.spawns,
    stepCount: parseWorkflow(scenario.yaml).steps.length + (scenario.moreInstances ?? 0),
    maxAttempts: MAX_ATTEMPTS,
    alive: stillThere,
    leftBehind: options.waitForRetention === true ? [...watch.present.keys()].map(nameOf) : undefined,
  };
  world.note(`end after ${world.events} events`);
  const facts = {
    virtualMs: Math.round(world.elapsedMs),
    events: world.events,
    digest: world.digest,
    trace: world.trace,
  };
  return { observed, faults: injector.happened, facts };
}

/** `shoal/v1/o/u/session/ID/step/a/result` is `step/a/result`, and the plan the empty name; those of a child session keep their id. */
function recordName(topic: string, ofCallers: string): string {
  const [, , , , , sessionId = '', ...rest] = topic.split('/');
  return (sessionId === ofCallers ? rest : [sessionId, ...rest]).join('/');
}

/** States of the steps of the session that callers were told of, items and compensations among them. */
function statesIn(contents: Observed['contents']): Record<string, string> {
  return Object.fromEntries(
    [...contents].flatMap(([record, all]) => {
      const [, stepId] = /^step\/([^/]+)\/result$/.exec(record) ?? [];
      const { state = '' } = JSON.parse(all.at(-1) ?? '{}') as { readonly state?: string };
      return stepId === undefined ? [] : [[stepId, state] as const];
    }),
  );
}

/** The sessions that triggers have started, by how often they were planned differently. */
function occasionsOf({ triggered }: SimScenario, watch: RecordWatch): Observed['occasions'] {
  if (triggered === undefined) return undefined;
  const started = [...watch.contents].flatMap(([topic, plans]) => {
    const levels = topic.split('/');
    return levels.length === 6 ? [[levels[5] ?? '', plans.length] as const] : [];
  });
  return { ...triggered, started: new Map(started) };
}
