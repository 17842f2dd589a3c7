import { endSpan, startSpan } from '@shoal/mqtt-link/tracing';
import { startObservability } from '@shoal/observability';

const observability = await startObservability({
  serviceName: 'pump-station',
  env: { OTEL_METRICS_EXPORTER: 'prometheus', OTEL_EXPORTER_PROMETHEUS_PORT: '0' },
});
const span = startSpan('pump-station', 'inspect', { attributes: { pump: 'pump-01' } });
endSpan(span);
console.log(`metrics at ${observability?.metricsUrl}`);
await observability?.shutdown();
