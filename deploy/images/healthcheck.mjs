// Is it well? HEALTH_URL answers with 2xx: /healthz of a gateway, a probe of the broker, or the metrics of a supervisor or host.
const url = process.env.HEALTH_URL ?? 'http://127.0.0.1:18083/healthz';
try {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_500) });
  process.exitCode = response.ok ? 0 : 1;
} catch {
  process.exitCode = 1;
}
