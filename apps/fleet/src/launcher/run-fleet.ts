import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { processLogger } from '../processes/logger.ts';
import { deviceAgentConfig } from '../blueprints/device-agent.ts';
import { createLog, type FleetLog } from '../cli/log.ts';
import type { FleetOptions } from '../cli/options.ts';
import { FleetView, type Fact } from '../observe/fleet-view.ts';
import { startObserver } from '../observe/observer.ts';
import type { FleetReport } from '../observe/report.ts';
import {
  DEVICE_AGENT_BLUEPRINT,
  PLANNER_AGENT,
  PLANNER_BLUEPRINT,
  type FleetConfig,
} from '../roles/config.ts';
import { planDevices, type PlannedDevice } from '../roles/plan-devices.ts';
import { publishDesiredAgents, type DesiredAgent, type DesiredAgents } from './desired-agents.ts';
import { startConsole } from './console-process.ts';
import { createFleetProcesses, type BrokerUrls, type Death, type FleetProcesses } from './fleet-processes.ts';
import { findLlama } from './find-llama.ts';
import { findRecordings } from './recordings.ts';
import { waitUntil } from './wait-until.ts';
import { writeOrderPage } from './write-order-page.ts';

/** The folder of this app: processes that run from a bundle find its files here. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Where the machines stand, as the planner's seed names it. */
const PLANT = 'plant';
const ONLINE_TIMEOUT_MS = 60_000;
const OFFLINE_TIMEOUT_MS = 10_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

interface Run {
  readonly options: FleetOptions;
  readonly config: FleetConfig;
  readonly devices: readonly PlannedDevice[];
  /** Those of the devices, and the planner. */
  readonly agents: readonly string[];
  readonly view: FleetView;
  readonly log: FleetLog;
  readonly processes: FleetProcesses;
  readonly desired: DesiredAgents;
  /** Calls back after every fact; returns the way to stop that. */
  readonly changed: (listener: () => void) => () => void;
}

interface Ending {
  readonly ok: boolean;
  readonly reason?: string;
}

/**
 * Starts the fleet, runs it until `signal` aborts or, with `once`, until the first work order, and stops it. Whatever happens, no
 * process is left; the report says how it went.
 */
export async function runFleet(
  options: FleetOptions,
  output: NodeJS.WriteStream,
  signal: AbortSignal,
): Promise<FleetReport> {
  const startedAt = new Date().toISOString();
  const log = createLog(output, performance.now());
  const view = new FleetView(startedAt);
  const restarts: { process: string; how: string; at: string }[] = [];
  const processes = createFleetProcesses((death) => {
    restarts.push({ process: death.name, how: death.how, at: new Date().toISOString() });
    tellDeath(log, death);
  });
  const data = options.models ? undefined : findRecordings(options.data);
  const devices = planDevices(options.devices, options.unit, data);
  const closing: (() => Promise<void>)[] = [];
  let url = options.broker ?? '';
  let ending: Ending;
  try {
    const llamaModule = options.reasoner?.kind === 'llama' ? findLlama() : null;
    const [broker] = await Promise.all([
      options.broker === undefined ? processes.startBroker(options.port) : externalBroker(options.broker),
      processes.prepare(),
    ]);
    url = broker.url;
    const { org, unit, speed, stepSeconds } = options;
    const config: FleetConfig = {
      root: ROOT,
      startAt: startedAt,
      url,
      org,
      unit,
      devices: devices.length,
      speed,
      stepSeconds,
      data: data ?? null,
      reasoner: options.reasoner,
      llamaModule,
    };
    const run = await orAborted(startRun(options, config, devices, view, log, processes, closing), signal);
    if (run === undefined) {
      ending = { ok: !options.once, reason: 'told to stop while it was starting' };
    } else {
      const showConsole = (): void => {
        if (options.console) closing.push(openConsole(broker.wsUrl, config, log));
      };
      ending = await runToEnd(run, signal, showConsole);
      await stopRun(run);
    }
  } catch (error) {
    ending = { ok: false, reason: error instanceof Error ? error.message : String(error) };
  } finally {
    for (const close of closing) await close();
    await processes.stopAll();
  }
  if (ending.reason !== undefined) log.line('fleet', ending.ok ? 'stopped' : 'failed', ending.reason);
  return view.report({
    ...ending,
    startedAt,
    endedAt: new Date().toISOString(),
    broker: { kind: options.broker === undefined ? 'embedded' : 'external', url },
    input: data === undefined ? 'models' : 'recordings',
    speed: options.speed,
    devices: devices.map((device) => ({
      ...reportDevice(device),
      presence: view.presenceOf(device.deviceId),
    })),
    restarts,
  });
}

function externalBroker(url: string): BrokerUrls {
  return { url, wsUrl: /^wss?:/.test(url) ? url : undefined };
}

/** Only when the fleet is up: building the console takes some seconds of a core. Whatever becomes of it, the fleet goes on. */
function openConsole(
  brokerUrl: string | undefined,
  { org, unit }: FleetConfig,
  log: FleetLog,
): () => Promise<void> {
  return startConsole({
    brokerUrl,
    org,
    unit,
    onReady: (url) => log.line('console', 'open', url),
    onFailure: (reason) =>
      log.line('console', 'missing', `it could not be started, the fleet goes on: ${reason}`),
  });
}

/** Undefined when the signal aborts first; what is under way is then left to the end of its processes. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  work.catch(() => {});
  return Promise.race([
    work,
    new Promise<undefined>((resolve) => {
      if (signal.aborted) resolve(undefined);
      signal.addEventListener('abort', () => resolve(undefined));
    }),
  ]);
}

async function startRun(
  options: FleetOptions,
  config: FleetConfig,
  devices: readonly PlannedDevice[],
  view: FleetView,
  log: FleetLog,
  processes: FleetProcesses,
  closing: (() => Promise<void>)[],
): Promise<Run> {
  const { url, org, unit } = config;
  log.line(
    'fleet',
    'broker',
    `${options.broker === undefined ? 'embedded broker listens' : 'using the broker'} at ${url}`,
  );
  const facts = new EventEmitter();
  const onFact = (fact: Fact): void => {
    const at = new Date().toISOString();
    for (const { topic, subject, text, order } of view.observe(fact, at)) {
      log.line(topic, subject, text);
      if (order !== undefined) log.line(topic, subject, writeOrderPage(options.orders, order));
    }
    facts.emit('fact');
  };
  const clientId = `shoal-fleet-${process.pid}`;
  const observer = await startObserver({ url, org, unit, clientId, onFact, logger: processLogger() });
  closing.push(() => observer.stop());
  const input = config.data === null ? 'physical models' : 'recordings and models';
  log.line(
    'fleet',
    'devices',
    `${devices.length} devices on ${input}, ${options.speed} device seconds a second`,
  );
  await processes.start('supervisor', config);
  const desired = await publishDesiredAgents(observer.link, { org, unit }, [
    planner(processes),
    ...devices.map(agentOf),
  ]);
  const changed = (listener: () => void): (() => void) => {
    facts.on('fact', listener);
    return () => facts.off('fact', listener);
  };
  const agents = [PLANNER_AGENT, ...devices.map(({ deviceId }) => deviceId)];
  return { options, config, devices, agents, view, log, processes, desired, changed };
}

function agentOf({ deviceId, type, name, site, area, relations }: PlannedDevice): DesiredAgent {
  return {
    agentId: deviceId,
    blueprint: DEVICE_AGENT_BLUEPRINT,
    config: deviceAgentConfig({ deviceId, deviceType: type, name, site, area, relations }),
  };
}

/** Its bookings outlive its process, and end with the fleet as everything else on the broker does. */
function planner(processes: FleetProcesses): DesiredAgent {
  return {
    agentId: PLANNER_AGENT,
    blueprint: PLANNER_BLUEPRINT,
    config: {
      database: join(processes.newFolder('shoal-planner-'), 'planner.db'),
      seed: join(ROOT, 'data/maintenance-seed.json'),
      site: PLANT,
    },
  };
}

async function runToEnd(run: Run, signal: AbortSignal, onReady: () => void): Promise<Ending> {
  const { options, config, processes, devices, agents, view, log, changed } = run;
  const missing = (): string[] => agents.filter((agentId) => view.presenceOf(agentId) !== 'online');
  const online = (): boolean => missing().length === 0;
  if (!(await waitUntil(online, changed, ONLINE_TIMEOUT_MS, signal))) {
    if (signal.aborted) return { ok: !options.once, reason: 'told to stop before every agent was online' };
    return { ok: false, reason: `not online within ${ONLINE_TIMEOUT_MS / 1000} s: ${missing().join(', ')}` };
  }
  // After their agents: on a slow machine the first fault would come before anybody had learnt what normal is.
  await processes.start('devices', config);
  log.line('fleet', 'ready', `all ${devices.length} device agents are online and learning what normal is`);
  onReady();
  const ordered = (): boolean => options.once && view.workOrder !== undefined;
  const timeoutMs = options.once ? options.timeoutSeconds * 1000 : LONGEST_TIMER_MS;
  const done = await waitUntil(ordered, changed, timeoutMs, signal);
  if (done) return { ok: true };
  if (signal.aborted)
    return options.once ? { ok: false, reason: 'told to stop before a work order came' } : { ok: true };
  return { ok: false, reason: `no work order within ${options.timeoutSeconds} s` };
}

/** Agents first, then who would start them again, then the devices; the registry has every agent offline before the broker goes. */
async function stopRun({ agents, view, log, processes, desired, changed }: Run): Promise<void> {
  log.line('fleet', 'stopping', 'asking every agent to stop');
  await desired.stopAll();
  const offline = (): boolean => agents.every((agentId) => view.presenceOf(agentId) !== 'online');
  const clean = await waitUntil(offline, changed, OFFLINE_TIMEOUT_MS);
  log.line(
    'fleet',
    'stopped',
    clean ? 'every agent is offline in the registry' : 'some agents are still online',
  );
  desired.close();
  await processes.stopWorkers();
  await desired.clear().catch(() => {});
}

function tellDeath(log: FleetLog, { name, how, restartInMs }: Death): void {
  log.line('restart', name, `the process ended (${how}); starting it again in ${restartInMs} ms`);
}

function reportDevice({ deviceId, type, source }: PlannedDevice) {
  return { deviceId, agentId: deviceId, type, source };
}
