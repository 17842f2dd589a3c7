import { ORDER_VARIABLES, orderEnvironment, type Credentials, type SpawnOrder } from '@shoal/workflow';

export interface SpawnedEnvironmentOptions extends Credentials {
  readonly url: string;
  /** Its whole environment besides the order. Default: PATH, HOME, TMPDIR, NODE_* and LANG of this process, and no secret of it. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The order of an instance and its credentials, as `runSpawned` reads them. */
export function orderVariables(
  options: SpawnedEnvironmentOptions,
  order: SpawnOrder,
): Record<string, string> {
  const { username, password, url } = options;
  return {
    ...orderEnvironment(order),
    [ORDER_VARIABLES.url]: url,
    ...(username === undefined ? {} : { [ORDER_VARIABLES.username]: username }),
    ...(password === undefined ? {} : { [ORDER_VARIABLES.password]: password }),
  };
}

/** What an instance gets of the environment of its spawner. */
export function baseEnvironment({ env }: SpawnedEnvironmentOptions): Readonly<Record<string, string>> {
  return env ?? inherited();
}

const INHERITED = /^(PATH|HOME|TMPDIR|TEMP|LANG|TZ|SYSTEMROOT|NODE_.*)$/i;

function inherited(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value !== undefined && INHERITED.test(name) ? [[name, value] as const] : [],
    ),
  );
}
