import type { ReasonerConfig } from '@shoal/reasoner';

/** What the launcher tells the processes of the fleet, through the environment. */
export interface FleetConfig {
  /** The folder with `workflows/` and `data/`. */
  readonly root: string;
  readonly url: string;
  readonly org: string;
  readonly unit: string;
  readonly devices: number;
  readonly speed: number;
  /** Device time of the first sample, ISO 8601: when the fleet was started. */
  readonly startAt: string;
  /** Folder with recordings; null runs the physical models. */
  readonly data: string | null;
  readonly stepSeconds: number;
  /** Null: no model has a part in anything. Keys are not in here: they come from the environment. */
  readonly reasoner: ReasonerConfig | null;
  /** With a reasoner of kind `llama`: URL of the module `node-llama-cpp`, which a bundle cannot carry. */
  readonly llamaModule: string | null;
}

export type Role = 'broker' | 'devices' | 'supervisor' | 'spawned';

/** The recipes of the demo's long-lived agents. */
export const DEVICE_AGENT_BLUEPRINT = 'device-agent';
export const PLANNER_BLUEPRINT = 'maintenance-planner';
/** The plant has one planner. */
export const PLANNER_AGENT = 'maintenance-planner';

const CONFIG = 'SHOAL_FLEET_CONFIG';
const ROLE = 'SHOAL_FLEET_ROLE';

export function roleEnvironment(role: Role, config: FleetConfig): NodeJS.ProcessEnv {
  return { [ROLE]: role, [CONFIG]: JSON.stringify(config), SHOAL_LAUNCHER_PID: String(process.pid) };
}

/** The environment of what the supervisor spawns: its own, in the role of the spawned. */
export function spawnedEnvironment(): Record<string, string> {
  const own = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return { ...Object.fromEntries(own), [ROLE]: 'spawned' satisfies Role };
}

export function readRole(): Role | undefined {
  return process.env[ROLE] as Role | undefined;
}

export function readConfig(): FleetConfig {
  const text = process.env[CONFIG];
  if (text === undefined)
    throw new Error(`${CONFIG} is not set: this process is started by the fleet's launcher`);
  return JSON.parse(text) as FleetConfig;
}
