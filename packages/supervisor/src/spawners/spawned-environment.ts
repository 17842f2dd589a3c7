import { ORDER_VARIABLES, orderEnvironment, type Credentials, type SpawnOrder } from '@shoal/workflow';
import type { CredentialIssuer } from '../types.ts';

export interface SpawnedEnvironmentOptions extends Credentials {
  readonly url: string;
  /** Gives each instance a credential of its own; `username` and `password` are then not passed on. Default: they are, to all of them. */
  readonly credentials?: CredentialIssuer;
  /**
   * Its whole environment besides the order. Default: PATH, HOME, TMPDIR, LANG, NODE_*, and what OTEL_* says of traces of this process, and
   * no secret of it: a collector that asks for headers or certificates needs them here.
   */
  readonly env?: Readonly<Record<string, string>>;
}

/** The order of an instance and its credentials, as `runSpawned` reads them. */
export async function orderVariables(
  options: SpawnedEnvironmentOptions,
  order: SpawnOrder,
): Promise<Record<string, string>> {
  const { url, credentials } = options;
  const { username, password, expiresAtMs } =
    credentials === undefined ? { ...options, expiresAtMs: undefined } : await credentials.issue(order);
  return {
    ...orderEnvironment(order),
    [ORDER_VARIABLES.url]: url,
    ...(username === undefined ? {} : { [ORDER_VARIABLES.username]: username }),
    ...(password === undefined ? {} : { [ORDER_VARIABLES.password]: password }),
    ...(expiresAtMs === undefined ? {} : { [ORDER_VARIABLES.expiresAt]: String(expiresAtMs) }),
  };
}

/** What an instance gets of the environment of its spawner. */
export function baseEnvironment({ env }: SpawnedEnvironmentOptions): Readonly<Record<string, string>> {
  return env ?? inherited();
}

const INHERITED = /^(PATH|HOME|TMPDIR|TEMP|LANG|TZ|SYSTEMROOT|NODE_.*|OTEL_.*)$/i;
/** Secrets; and the port of the metrics, which is taken by this process. */
const KEPT_BACK = /^OTEL_.*(HEADERS|KEY|CERTIFICATE|PROMETHEUS.*|METRICS_EXPORTER)$/i;

function inherited(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value !== undefined && INHERITED.test(name) && !KEPT_BACK.test(name) ? [[name, value] as const] : [],
    ),
  );
}
