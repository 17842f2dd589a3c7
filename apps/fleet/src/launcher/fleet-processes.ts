import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { keepProcess, type KeepOptions, type KeptProcess } from '../processes/process-keeper.ts';
import { bundleRoles } from './bundle-roles.ts';
import { roleEnvironment, type FleetConfig, type Role } from '../roles/config.ts';

/** A role that dies this often before it was ready once will not get there. */
const MAX_DEATHS_BEFORE_READY = 4;

/** The broker runs from source: its store has a native addon that a bundle cannot carry. */
const SOURCE_ENTRY = fileURLToPath(new URL('../roles/main.ts', import.meta.url));

export interface Death {
  readonly name: string;
  readonly how: string;
  readonly restartInMs: number;
}

export interface BrokerUrls {
  readonly url: string;
  /** Of the listener for browsers; undefined when it is not known. */
  readonly wsUrl: string | undefined;
}

export interface FleetProcesses {
  /** Puts the program of the other roles together. Call it before the first `start`. */
  prepare(): Promise<void>;
  /** Starts the embedded broker and resolves with its URLs; a restart keeps ports and data. */
  startBroker(port: number): Promise<BrokerUrls>;
  /** Starts a role and resolves when it is ready for the first time. */
  start(role: Role, config: FleetConfig): Promise<KeptProcess>;
  /** Stops everything but the broker, the last one first. */
  stopWorkers(): Promise<void>;
  /** A folder that is there until everything has stopped. */
  newFolder(prefix: string): string;
  stopAll(): Promise<void>;
}

/** The processes that the launcher keeps alive, as systemd or Kubernetes would: broker, devices, supervisor. */
export function createFleetProcesses(onDeath: (death: Death) => void): FleetProcesses {
  const kept: KeptProcess[] = [];
  const folders: string[] = [];
  let bundle: string | undefined;
  const newFolder = (prefix: string): string => {
    const folder = mkdtempSync(join(tmpdir(), prefix));
    folders.push(folder);
    return folder;
  };
  type Kept = Pick<KeepOptions, 'name' | 'env' | 'entry' | 'execArgv'>;
  const keep = (options: Kept): Promise<{ url?: string; wsUrl?: string; process: KeptProcess }> =>
    new Promise((resolve, reject) => {
      let deathsBeforeReady = 0;
      const running = keepProcess({
        ...options,
        onDeath(death) {
          onDeath(death);
          deathsBeforeReady += 1;
          if (deathsBeforeReady === MAX_DEATHS_BEFORE_READY)
            reject(new Error(`the process "${options.name}" does not start: ${death.how}`));
        },
        onReady(message) {
          deathsBeforeReady = Number.NEGATIVE_INFINITY;
          resolve({ ...message, process: running });
        },
      });
      kept.push(running);
    });
  const stopWorkers = async (): Promise<void> => {
    for (const running of kept.toReversed()) if (running.name !== 'broker') await running.stop();
  };
  return {
    async prepare() {
      bundle = await bundleRoles(newFolder('shoal-program-'));
    },
    async startBroker(port) {
      const directory = newFolder('shoal-broker-');
      let url: string | undefined;
      let wsUrl: string | undefined;
      const env = (): NodeJS.ProcessEnv => ({
        ...process.env,
        ...roleEnvironment('broker', { url: '' } as FleetConfig),
        SHOAL_BROKER_DIRECTORY: directory,
        SHOAL_BROKER_PORT: url === undefined ? String(port) : new URL(url).port,
        SHOAL_BROKER_WS_PORT: wsUrl === undefined ? '0' : new URL(wsUrl).port,
      });
      ({ url, wsUrl } = await keep({ name: 'broker', entry: SOURCE_ENTRY, execArgv: process.execArgv, env }));
      if (url === undefined) throw new Error('the broker did not say where it listens');
      return { url, wsUrl };
    },
    async start(role, config) {
      const env = (): NodeJS.ProcessEnv => ({ ...process.env, ...roleEnvironment(role, config) });
      if (bundle === undefined) throw new Error('prepare() comes first');
      return (await keep({ name: role, entry: bundle, execArgv: [], env })).process;
    },
    stopWorkers,
    newFolder,
    async stopAll() {
      await stopWorkers();
      for (const running of kept) await running.stop();
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    },
  };
}
