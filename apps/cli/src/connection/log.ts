import type { Logger } from '@shoal/mqtt-link';
import { withTraceIds } from '@shoal/mqtt-link/tracing';
import type { Context } from '../program/context.ts';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** JSON lines on standard error, from the level of SHOAL_LOG_LEVEL on (default warn). */
export function contextLogger(context: Context): Logger {
  const least = LEVELS.findIndex((level) => level === (context.io.env['SHOAL_LOG_LEVEL'] ?? 'warn'));
  const write =
    (level: (typeof LEVELS)[number]) =>
    (message: string, fields: Record<string, unknown> = {}): void => {
      if (LEVELS.indexOf(level) >= least)
        context.note(JSON.stringify({ time: new Date().toISOString(), level, message, ...fields }));
    };
  return withTraceIds({
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  });
}

/** Resolves when the command is told to stop. */
export function untilStopped({ signal }: Context): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });
}
