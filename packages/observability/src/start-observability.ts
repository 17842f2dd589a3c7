import { readSettings, type ObservabilitySettings } from './settings.ts';

export interface ObservabilityOptions {
  /** `service.name` of traces and metrics, where OTEL_SERVICE_NAME says nothing else. */
  readonly serviceName?: string;
  /** Default `process.env`. The exporters read their own variables (endpoint, headers, timeouts) from `process.env` in any case. */
  readonly env?: NodeJS.ProcessEnv;
}

export interface Observability {
  readonly settings: ObservabilitySettings;
  /** Of the Prometheus endpoint; undefined when there is none, or its port was taken. */
  readonly metricsUrl: string | undefined;
  /** Sends what is held and stops. Never rejects; takes at most five seconds. Calling it twice is fine. */
  shutdown(): Promise<void>;
}

/** A program may be bundled while `register` is not: the process has one all the same. */
const STARTED = Symbol.for('@shoal/observability/started');
const globals = globalThis as { [STARTED]?: Observability };

/**
 * Starts the OpenTelemetry SDK as the OTEL_* variables say; undefined, and nothing is loaded, when they ask for nothing. One for each
 * process: what runs already, by `register` say, is returned. Call it before anything else is started. A Prometheus port that is taken is a warning of the process and no error.
 */
export async function startObservability(
  options: ObservabilityOptions = {},
): Promise<Observability | undefined> {
  const settings = readSettings(options.env ?? process.env, options.serviceName);
  if (settings === undefined) return undefined;
  const started = globals[STARTED];
  if (started !== undefined) return started;
  const { startSdk } = await import('./sdk.ts');
  const observability = await startSdk(settings, () => delete globals[STARTED]);
  return (globals[STARTED] ??= observability);
}
