import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { keepProcess, type KeepOptions, type KeptProcess } from '../processes/process-keeper.ts';
import { roleEnvironment, type FleetConfig, type Role } from '../roles/config.ts';

const ENTRY = fileURLToPath(new URL('../roles/main.ts', import.meta.url));

export interface Death {
  readonly name: string;
  readonly how: string;
  readonly restartInMs: number;
}

export interface FleetProcesses {
  /** Starts the embedded broker and resolves with its URL; a restart keeps port and data. */
  startBroker(port: number): Promise<string>;
  /** Starts a role and resolves when it is ready for the first time. */
  start(role: Role, config: FleetConfig): Promise<KeptProcess>;
  /** Stops everything but the broker, the last one first. */
  stopWorkers(): Promise<void>;
  stopAll(): Promise<void>;
}

/** The processes that the launcher keeps alive, as systemd or Kubernetes would: broker, devices, supervisor. */
export function createFleetProcesses(onDeath: (death: Death) => void): FleetProcesses {
  const kept: KeptProcess[] = [];
  const folders: string[] = [];
  const keep = (
    options: Omit<KeepOptions, 'entry' | 'execArgv' | 'onDeath' | 'onReady'>,
  ): Promise<{ url?: string; process: KeptProcess }> =>
    new Promise((resolve) => {
      const running = keepProcess({
        ...options,
        entry: ENTRY,
        execArgv: process.execArgv,
        onDeath,
        onReady: (message) => resolve({ ...message, process: running }),
      });
      kept.push(running);
    });
  const stopWorkers = async (): Promise<void> => {
    for (const running of kept.toReversed()) if (running.name !== 'broker') await running.stop();
  };
  return {
    async startBroker(port) {
      const directory = mkdtempSync(join(tmpdir(), 'shoal-broker-'));
      folders.push(directory);
      let url: string | undefined;
      const env = (): NodeJS.ProcessEnv => ({
        ...process.env,
        ...roleEnvironment('broker', { url: '' } as FleetConfig),
        SHOAL_BROKER_DIRECTORY: directory,
        SHOAL_BROKER_PORT: url === undefined ? String(port) : new URL(url).port,
      });
      ({ url } = await keep({ name: 'broker', env }));
      if (url === undefined) throw new Error('the broker did not say where it listens');
      return url;
    },
    async start(role, config) {
      const env = (): NodeJS.ProcessEnv => ({ ...process.env, ...roleEnvironment(role, config) });
      return (await keep({ name: role, env })).process;
    },
    stopWorkers,
    async stopAll() {
      await stopWorkers();
      for (const running of kept) await running.stop();
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    },
  };
}
