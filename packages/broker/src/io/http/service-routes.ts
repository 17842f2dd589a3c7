import { isBrokerError } from '../broker-error.ts';
import { badRequest, HttpError, readJsonObject, type Answer } from './answers.ts';
import type { Credentials } from './credentials.ts';
import type { Route } from './router.ts';

export const LOGIN_PATH = '/api/v5/login';
export const OPENAPI_PATH = '/api/v5/openapi.json';
export const RELOAD_PATH = '/api/v5/reload';
export const METRICS_PATH = '/metrics';

export type Phase = 'starting' | 'ok' | 'draining' | 'failed';

export interface ServiceRoutesOptions {
  readonly credentials: Credentials;
  readonly phase: () => Phase;
  readonly metrics: () => string;
  /** Lets everyone read the metrics. */
  readonly publicMetrics: boolean;
  readonly openApi: unknown;
  /** Reads the settings again; unset where there is nothing to read. */
  readonly reload: ReloadSettings | undefined;
  readonly now: () => number;
}

/** Puts settings to use that may change while the broker runs. Rejects with BrokerError `invalid-options`, and then nothing has changed. */
export type ReloadSettings = () => Promise<Reloaded>;

export interface Reloaded {
  /** Settings that have changed and wait for a new start, such as `limits`. */
  readonly needRestart: readonly string[];
}

const reloadRoute = (reload: ReloadSettings): Route => ({
  method: 'POST',
  path: RELOAD_PATH,
  handle: async ({ actor }) => {
    if (actor?.namespace !== undefined)
      throw new HttpError(403, 'FORBIDDEN', 'this API key reaches only what is in its namespace');
    try {
      const { needRestart } = await reload();
      return { status: 200, json: { need_restart: needRestart } };
    } catch (error) {
      if (isBrokerError(error, 'invalid-options')) throw badRequest(error.message);
      throw error;
    }
  },
});

/** `/healthz` asks the same as `/readyz`. */
export const HEALTH_PATHS = [
  { path: '/livez', summary: 'Whether the process answers and its store works.', live: true },
  { path: '/readyz', summary: 'Whether clients can connect.', live: false },
  { path: '/healthz', summary: 'Whether clients can connect.', live: false },
] as const;

function health(phase: Phase, live: boolean): Answer {
  const good = live ? phase !== 'failed' : phase === 'ok';
  return { status: good ? 200 : 503, json: { status: phase } };
}

export function serviceRoutes(options: ServiceRoutesOptions): readonly Route[] {
  const { credentials, phase, metrics, publicMetrics, openApi, reload, now } = options;
  const login: Route = {
    method: 'POST',
    path: LOGIN_PATH,
    open: true,
    handle: async ({ request, address }) => {
      const { username, password } = await readJsonObject(request);
      if (typeof username !== 'string' || typeof password !== 'string')
        throw badRequest('username, password: must be strings');
      const { token, expiresInSeconds } = await credentials.login(username, password, address, now());
      return { status: 200, json: { token, expires_in: expiresInSeconds } };
    },
  };
  const probes = HEALTH_PATHS.map(({ path, live }): Route => ({
    method: 'GET',
    path,
    open: true,
    handle: () => health(phase(), live),
  }));
  return [
    login,
    { method: 'GET', path: OPENAPI_PATH, handle: () => ({ status: 200, json: openApi }) },
    {
      method: 'GET',
      path: METRICS_PATH,
      open: publicMetrics,
      handle: () => ({
        status: 200,
        headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
        text: metrics(),
      }),
    },
    ...(reload === undefined ? [] : [reloadRoute(reload)]),
    ...probes,
  ];
}
