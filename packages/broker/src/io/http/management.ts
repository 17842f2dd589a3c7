import type { Registry } from '../../core/registry/registry.ts';
import type { Logger } from '../logger.ts';
import type { RegistryAdmin } from '../registry-admin.ts';
import { Credentials, type ApiKey, type BearerCheck } from './credentials.ts';
import { openHttpServer, type HttpListener, type HttpServerOptions } from './http-server.ts';
import { createOpenApi } from './openapi.ts';
import { registryRoutes } from './registry-routes.ts';
import { Router } from './router.ts';
import { serviceRoutes, type Phase, type ReloadSettings } from './service-routes.ts';

export interface HttpOptions extends HttpServerOptions {
  /** Who may use the management API and read the metrics. Default: nobody. */
  readonly apiKeys?: readonly ApiKey[];
  /** Checks bearer tokens that come from elsewhere. Default: only those that this broker makes for API keys. */
  readonly checkBearer?: BearerCheck;
  /** Lets everyone who reaches the address read `/metrics`. Default false. */
  readonly publicMetrics?: boolean;
  /** What `POST /api/v5/reload` does. Default: there is no such path. */
  readonly reload?: ReloadSettings;
}

/** The HTTP listener, whose keys may change. */
export interface Management extends HttpListener {
  readonly credentials: Credentials;
}

export interface ManagementOptions {
  readonly http: HttpOptions;
  readonly admin: RegistryAdmin;
  readonly registry: Registry;
  readonly namespaces: () => readonly string[];
  readonly isRetaining: () => boolean;
  readonly phase: () => Phase;
  readonly metrics: () => string;
  readonly version: string;
  readonly logger: Logger;
  readonly now: () => number;
}

/** Opens the HTTP listener. Rejects with BrokerError `listen-failed`, `invalid-options`. */
export async function openManagement(options: ManagementOptions): Promise<Management> {
  const { http, admin, registry, isRetaining, phase, metrics, version, logger, now } = options;
  const { apiKeys = [], checkBearer, publicMetrics = false, reload } = http;
  const credentials = new Credentials(apiKeys, checkBearer);
  const hasNamespace = (name: string): boolean =>
    options.namespaces().includes(name) || credentials.hasNamespace(name);
  const openApi = createOpenApi(version, reload !== undefined);
  const routes = [
    ...registryRoutes({ admin, profile: registry.profile, hasNamespace, isRetaining }),
    ...serviceRoutes({ credentials, phase, metrics, publicMetrics, openApi, reload, now }),
  ];
  const router = new Router(routes, credentials, logger, now);
  const listener = await openHttpServer(http, (request, response) => router.handle(request, response));
  return { ...listener, credentials };
}
