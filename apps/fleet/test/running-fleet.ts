import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FleetReport } from '../src/observe/report.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

export interface FleetProcess {
  readonly pid: number;
  /** `shoal-supervisor`, `shoal-agent pump-01`, `shoal-step diagnose`, … */
  readonly title: string;
}

export interface RunningFleet {
  readonly child: ChildProcess;
  /** Resolves with the log so far as soon as it matches; rejects when the fleet ends first. */
  untilLog(pattern: RegExp): Promise<RegExpMatchArray>;
  log(): string;
  /** The broker's URL, once it listens. */
  url(): Promise<string>;
  /** The processes of this fleet, the launcher left out. */
  processes(): readonly FleetProcess[];
  /** SIGKILL to every process with this title; returns how many there were. */
  kill(title: string): number;
  /** Resolves with the report when the launcher has ended. */
  done: Promise<{ code: number | null; report: FleetReport; log: string }>;
}

/** Starts the demo fleet as a user would, with `--json`, so that stdout is the report and stderr the log; `env` is more of its environment. */
export function startFleetWith(env: NodeJS.ProcessEnv, ...flags: string[]): RunningFleet {
  const args = ['--conditions=@shoal/source', '--import', 'tsx', MAIN, '--json', ...flags];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let stdout = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8');
    for (const listener of listeners) listener();
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const fleet: RunningFleet = {
    child,
    log: () => stderr,
    async url() {
      const [, url = ''] = await fleet.untilLog(/listens at (\S+)/);
      return url;
    },
    async untilLog(pattern) {
      const match = await new Promise<RegExpMatchArray | null>((resolve) => {
        const look = (): void => {
          const found = stderr.match(pattern);
          if (found === null) return;
          listeners.delete(look);
          resolve(found);
        };
        listeners.add(look);
        look();
        void ended.then(() => resolve(stderr.match(pattern)));
      });
      if (match === null)
        throw new Error(`the fleet ended before its log matched ${pattern}\n${stderr}\n${stdout}`);
      return match;
    },
    processes: () => processesOf(child.pid ?? -1),
    kill(title) {
      const victims = fleet.processes().filter((entry) => entry.title === title);
      for (const { pid } of victims) process.kill(pid, 'SIGKILL');
      return victims.length;
    },
    done: ended.then((code) => {
      try {
        return { code, report: JSON.parse(stdout) as FleetReport, log: stderr };
      } catch {
        throw new Error(`stdout is not one JSON document:\n${stdout}\n${stderr}`);
      }
    }),
  };
  fleet.done.catch(() => {});
  return fleet;
}

function processesOf(launcher: number): FleetProcess[] {
  return readdirSync('/proc').flatMap((entry) => {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) return [];
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      if (!environment.includes(`SHOAL_LAUNCHER_PID=${launcher}`)) return [];
      const title = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replace(/\0+/g, ' ').trim();
      return [{ pid, title }];
    } catch {
      return [];
    }
  });
}
