#!/usr/bin/env node
import { hashPassword } from '../io/auth/password.ts';
import { createBroker } from '../io/broker.ts';
import { isBrokerError } from '../io/broker-error.ts';
import type { Logger } from '../io/logger.ts';
import { runCtl } from './ctl.ts';
import { LiveSettings } from './live-settings.ts';
import { readCommand, USAGE, type Command, type LogLevel } from './settings.ts';

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** JSON lines on standard error. */
function createLogger(least: LogLevel): Logger {
  const write =
    (level: LogLevel) =>
    (message: string, fields: Record<string, unknown> = {}): void => {
      if (LEVELS.indexOf(level) < LEVELS.indexOf(least)) return;
      process.stderr.write(
        `${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })}\n`,
      );
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

async function readStandardInput(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin) text += String(chunk);
  return text.replace(/\r?\n$/, '');
}

async function run(command: Command & { kind: 'run' }, read: () => Promise<Command>): Promise<void> {
  const { log, drainTimeoutMs } = command;
  const logger = createLogger(log);
  const settings = new LiveSettings(command, read, logger);
  const broker = createBroker({
    ...settings.options,
    logger,
    // The process ends with its listeners; the code lets a supervisor start it again.
    onFailure: () => (process.exitCode = 1),
  });
  settings.attach(broker);
  // Before the broker listens: without a handler it would end the process.
  process.on('SIGHUP', () => void settings.reload().catch(() => undefined));
  const addresses = await broker.start();
  logger.info('listening', { ...addresses, bootId: broker.bootId });
  let signals = 0;
  const stop = (signal: NodeJS.Signals): void => {
    if (++signals > 1) {
      logger.warn('stopping at once', { signal });
      process.exit(1);
    }
    logger.info('stopping', { signal, drainTimeoutMs });
    void broker.stop({ drainTimeoutMs }).then(() => process.exit(0));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

async function execute(args: readonly string[]): Promise<void> {
  if (args[0] === 'ctl') {
    const { output, exitCode } = await runCtl(args.slice(1), { env: process.env, fetch });
    process.stdout.write(output);
    process.exitCode = exitCode;
    return;
  }
  const read = (): Promise<Command> => readCommand(args, process.env);
  const command = await read();
  if (command.kind === 'help') process.stdout.write(`${USAGE}\n`);
  else if (command.kind === 'hash-password')
    process.stdout.write(`${await hashPassword(await readStandardInput())}\n`);
  else await run(command, read);
}

try {
  await execute(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`shoal-broker: ${isBrokerError(error) ? error.message : String(error)}\n`);
  process.exitCode = isBrokerError(error, 'invalid-options') ? 2 : 1;
}
