import { consoleLogger, type Logger } from '@shoal/mqtt-link';
import { withTraceIds } from '@shoal/mqtt-link/tracing';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** Log lines of a process of the fleet, on stderr. SHOAL_LOG_LEVEL: debug, info, warn (default) or error. */
export function processLogger(): Logger {
  const wanted = process.env['SHOAL_LOG_LEVEL'];
  return withTraceIds(consoleLogger(LEVELS.find((level) => level === wanted) ?? 'warn'));
}
