#!/usr/bin/env node
import { hashPassword } from '../io/auth/password.ts';
import { createBroker } from '../io/broker.ts';
import { isBrokerError } from '../io/broker-error.ts';
import type { BrokerOptions } from '../io/broker-options.ts';
import type { Logger } from '../io/logger.ts';
import { runCtl } from './ctl.ts';
import { readCommand, USAGE, type Command } from './settings.ts';

const write =
  (level: string) =>
  (message: string, fields: Record<string, unknown> = {}): void =>
    void process.stderr.write(
      `${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })}\n`,
    );

const logger: Logger = {
  debug: () => undefined,
  info: write('info'),
  warn: write('warn'),
  error: write('error'),
};

async function readStandardInput(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin) text += String(chunk);
  return text.replace(/\r?\n$/, '');
}

async function run(options: BrokerOptions): Promise<void> {
  const broker = createBroker({ ...options, logger });
  const addresses = await broker.start();
  logger.info('listening', { ...addresses, bootId: broker.bootId });
  const stop = (): void => {
    logger.info('stopping');
    void broker.stop().then(() => process.exit(0));
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

try {
  const args = process.argv.slice(2);
  const command: Command = args[0] === 'ctl' ? { kind: 'ctl' } : await readCommand(args, process.env);
  if (command.kind === 'ctl') {
    const { output, exitCode } = await runCtl(args.slice(1), { env: process.env, fetch });
    process.stdout.write(output);
    process.exitCode = exitCode;
  } else if (command.kind === 'help') process.stdout.write(`${USAGE}\n`);
  else if (command.kind === 'hash-password')
    process.stdout.write(`${await hashPassword(await readStandardInput())}\n`);
  else await run(command.options);
} catch (error) {
  process.stderr.write(`shoal-broker: ${isBrokerError(error) ? error.message : String(error)}\n`);
  process.exitCode = isBrokerError(error, 'invalid-options') ? 2 : 1;
}
