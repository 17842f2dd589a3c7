#!/usr/bin/env node
import { formatWithOptions } from 'node:util';
import type { Agent } from '@shoal/agent-sdk';
import type { Logger } from '@shoal/mqtt-link';
import { withTraceIds } from '@shoal/mqtt-link/tracing';
import { startObservability, type Observability } from '@shoal/observability';
import { GatewayError } from '../core/gateway-error.ts';
import { createGateway } from '../io/gateway.ts';
import { createHttpAgent } from '../io/http-agent.ts';
import type { Command } from './settings.ts';
import { USAGE, UsageError, readCommand } from './settings.ts';

/** JSON lines on standard error. */
const logger: Logger = withTraceIds({
  debug: () => undefined,
  info: (message, fields) => write('info', message, fields),
  warn: (message, fields) => write('warn', message, fields),
  error: (message, fields) => write('error', message, fields),
});

function write(level: string, message: string, fields: Record<string, unknown> = {}): void {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })}\n`);
}

/**
 * The A2A SDK writes to the console, with ids that callers chose: in a field of a line they cannot make lines of their own. What a caller was
 * told is in the access log already.
 */
function logConsole(level: 'warn' | 'error'): void {
  console[level] = (...said: unknown[]) => {
    if (said.some((one) => one instanceof GatewayError)) return;
    logger[level]('the A2A SDK says', { text: formatWithOptions({ depth: 2 }, ...said).slice(0, 2_000) });
  };
}

async function run(
  { gateway: options, httpAgents, graceMs }: Command,
  observability: Observability | undefined,
): Promise<void> {
  const gateway = createGateway({ ...options, logger });
  const agents: Agent[] = [];
  let signals = 0;
  const stop = (signal: NodeJS.Signals): void => {
    if (++signals > 1) process.exit(1);
    logger.info('stopping', { signal, graceMs });
    void Promise.all([gateway.stop({ graceMs }), ...agents.map((agent) => agent.stop({ graceMs }))])
      .then(() => observability?.shutdown())
      .then(() => process.exit(0));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  await gateway.start();
  if (options.auth === undefined && !/^(127\.|localhost$|::1$)/.test(options.host ?? '127.0.0.1'))
    logger.warn('anybody who reaches this address may call the agents that ask for no token', {
      host: options.host,
    });
  for (const httpAgent of httpAgents) {
    const agent = await createHttpAgent({ ...httpAgent, logger });
    await agent.start();
    agents.push(agent);
    logger.info('on the broker', { agentId: httpAgent.agentId, agentUrl: httpAgent.agentUrl });
  }
}

logConsole('warn');
logConsole('error');
try {
  const command = readCommand(process.argv.slice(2), process.env);
  if (command === 'help') process.stdout.write(`${USAGE}\n`);
  else await run(command, await startObservability({ serviceName: 'shoal-gateway' }));
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UsageError || error instanceof TypeError) {
    process.stderr.write(`shoal-gateway: ${message}\n\n${USAGE}\n`);
    process.exit(2);
  }
  logger.error('the gateway failed', { error: message });
  process.exit(1);
}
