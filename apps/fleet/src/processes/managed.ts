import { flushTelemetry } from '@shoal/mqtt-link/tracing';
import type { ReadyMessage } from './process-keeper.ts';

const LAUNCHER_CHECK_MS = 1000;

/**
 * Runs `stop` once on SIGTERM, when the launcher's channel closes, or when the launcher is gone, then exits. Ctrl-C reaches every
 * process of the terminal's group: SIGINT is left to the launcher, which stops the others in order.
 */
export function stopWhenTold(stop: () => Promise<void>): void {
  let stopping = false;
  const begin = (): void => {
    if (stopping) return;
    stopping = true;
    stop()
      .then(() => flushTelemetry())
      .then(
        () => process.exit(0),
        (error: unknown) => {
          process.stderr.write(
            `stopping failed: ${error instanceof Error ? error.message : String(error)}\n`,
          );
          process.exit(1);
        },
      );
  };
  process.on('SIGINT', () => {});
  process.on('SIGTERM', begin);
  process.on('disconnect', begin);
  const launcher = Number(process.env['SHOAL_LAUNCHER_PID']);
  if (Number.isInteger(launcher) && launcher > 0)
    setInterval(() => isAlive(launcher) || begin(), LAUNCHER_CHECK_MS).unref();
}

/** Tells the launcher that this process does its work now. */
export function tellReady(message: Omit<ReadyMessage, 'ready'> = {}): void {
  process.send?.({ ready: true, ...message } satisfies ReadyMessage);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
