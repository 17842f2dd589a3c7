import { startObservability } from '@shoal/observability';
import { readRole } from './config.ts';

/** The entry of every process that the launcher or the supervisor starts. */
const role = readRole();
try {
  // Many of the spawned run at once, and there is one Prometheus port: what they measure is measured at their supervisor too.
  const env =
    role === 'spawned' && process.env['OTEL_METRICS_EXPORTER'] === 'prometheus'
      ? { ...process.env, OTEL_METRICS_EXPORTER: 'none' }
      : process.env;
  await startObservability({ serviceName: `shoal-${role ?? 'role'}`, env });
  if (role === 'broker') await (await import('./run-broker.ts')).runBroker();
  else if (role === 'devices') await (await import('./run-devices.ts')).runDevices();
  else if (role === 'supervisor') await (await import('./run-supervisor.ts')).runSupervisor();
  else if (role === 'spawned') await (await import('./run-spawned.ts')).runSpawned();
  else
    throw new Error(
      `SHOAL_FLEET_ROLE is ${JSON.stringify(role)}: this file is started by the fleet's launcher`,
    );
} catch (error) {
  process.stderr.write(
    `${role ?? 'role'}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exit(1);
}
