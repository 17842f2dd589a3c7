/** What the launcher tells the processes of the fleet, through the environment. */
export interface FleetConfig {
  readonly url: string;
  readonly org: string;
  readonly unit: string;
  readonly devices: number;
  readonly speed: number;
  /** Folder with recordings; null runs the physical models. */
  readonly data: string | null;
  readonly stepSeconds: number;
}

export type Role = 'broker' | 'devices' | 'supervisor' | 'spawned';

const CONFIG = 'SHOAL_FLEET_CONFIG';
const ROLE = 'SHOAL_FLEET_ROLE';

export function roleEnvironment(role: Role, config: FleetConfig): NodeJS.ProcessEnv {
  return { [ROLE]: role, [CONFIG]: JSON.stringify(config), SHOAL_LAUNCHER_PID: String(process.pid) };
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
