import type { Logger } from '../link.ts';
import { writeLog } from './platform.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

function ignore(): void {}

/** Logs nothing. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** One line per entry, `level message key=value …`, from `level` upwards; to stderr, which leaves stdout to the program. */
export function consoleLogger(level: LogLevel = 'info', write: (line: string) => void = writeLog): Logger {
  const lowest = LEVELS.indexOf(level);
  const at =
    (name: LogLevel) =>
    (message: string, fields: Record<string, unknown> = {}): void => {
      if (LEVELS.indexOf(name) < lowest) return;
      const pairs = Object.entries(fields).map(([key, value]) => ` ${key}=${printable(value)}`);
      write(`${name.padEnd(5)} ${message}${pairs.join('')}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function printable(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  if (typeof value === 'string') return /^[\w./:+#$-]+$/.test(value) ? value : JSON.stringify(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
