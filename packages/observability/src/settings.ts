export interface ObservabilitySettings {
  readonly serviceName: string;
  readonly traces: 'otlp' | 'none';
  readonly metrics: 'otlp' | 'prometheus' | 'none';
  /** Where Prometheus reads. Default 127.0.0.1:9464; port 0 takes a free one. */
  readonly prometheus: { readonly host: string; readonly port: number };
}

const TRACES = ['otlp', 'none'] as const;
const METRICS = ['otlp', 'prometheus', 'none'] as const;

/** What the variables of OpenTelemetry ask for; undefined: nothing. Throws TypeError that names the variable. */
export function readSettings(
  env: Readonly<Record<string, string | undefined>>,
  serviceName = 'shoal',
): ObservabilitySettings | undefined {
  if (env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') return undefined;
  const endpoint = (kind: 'TRACES' | 'METRICS'): boolean =>
    isSet(env['OTEL_EXPORTER_OTLP_ENDPOINT']) || isSet(env[`OTEL_EXPORTER_OTLP_${kind}_ENDPOINT`]);
  const traces = choice(env, 'OTEL_TRACES_EXPORTER', TRACES) ?? (endpoint('TRACES') ? 'otlp' : 'none');
  const metrics = choice(env, 'OTEL_METRICS_EXPORTER', METRICS) ?? (endpoint('METRICS') ? 'otlp' : 'none');
  if (traces === 'none' && metrics === 'none') return undefined;
  return {
    serviceName: env['OTEL_SERVICE_NAME'] ?? serviceName,
    traces,
    metrics,
    prometheus: {
      host: env['OTEL_EXPORTER_PROMETHEUS_HOST'] ?? '127.0.0.1',
      port: port(env['OTEL_EXPORTER_PROMETHEUS_PORT'] ?? '9464'),
    },
  };
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}

function choice<T extends string>(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  known: readonly T[],
): T | undefined {
  const value = env[name];
  if (value === undefined || value === '') return undefined;
  const found = known.find((each) => each === value);
  if (found === undefined) throw new TypeError(`${name} must be ${known.join(' or ')}, is "${value}"`);
  return found;
}

function port(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw new TypeError(`OTEL_EXPORTER_PROMETHEUS_PORT must be from 0 to 65535, is "${text}"`);
  return Number(text);
}
