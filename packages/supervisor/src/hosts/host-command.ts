import { once } from 'node:events';
import { availableParallelism, hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { brokerOf } from '@shoal/agent-sdk/program';
import { consoleLogger } from '@shoal/mqtt-link';
import { flushTelemetry, withTraceIds } from '@shoal/mqtt-link/tracing';
import { isIdentifier } from '@shoal/protocol';
import { kindIssuer } from '../credentials/kind-issuer.ts';
import { childProcessSpawner } from '../spawners/child-process.ts';
import { createHost } from './host.ts';

const USAGE = `usage: shoal-host --url URL --org ORG --unit UNIT [options] -- PROGRAM [ARGS…]

Takes spawn orders of the supervisors of a unit and starts PROGRAM, whose main is runSpawned, once for each.

  --id ID            default: the name of this machine
  --label NAME=VALUE what orders may ask for; may be given several times
  --capacity N       places; default: 25 for each core
  --blueprint ID     one that PROGRAM can start; may be given several times; default: whatever is ordered
  --warm N           processes that are started ahead; default 0
  --drain-seconds N  on SIGTERM or SIGINT: how long to wait for what runs; default 30. A second signal does not wait
  --host-version V   for people who look at the record of the host
  --password-file F  file with the password (SHOAL_PASSWORD_FILE; or SHOAL_PASSWORD)

SHOAL_USERNAME and the password are the credentials of the host and of what it starts, unless SHOAL_STEP_USERNAME and
SHOAL_STEP_PASSWORD, SHOAL_AGENT_USERNAME and SHOAL_AGENT_PASSWORD give steps or agents their own. Each of these passwords may
be in a file that SHOAL_STEP_PASSWORD_FILE or SHOAL_AGENT_PASSWORD_FILE names, which is read for each start.
`;

/** The whole of a program that is a host. Resolves with its exit code: 0 stopped, 1 it could not connect or was evicted, 2 usage. */
export async function hostCommand(args: readonly string[]): Promise<0 | 1 | 2> {
  let settings: ReturnType<typeof readSettings>;
  try {
    settings = readSettings(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return 2;
  }
  const { command, args: programArgs, warm, drainSeconds, credentials, issuer, ...options } = settings;
  const logger = withTraceIds(consoleLogger('info'));
  const spawner = childProcessSpawner({
    command,
    args: programArgs,
    url: options.url,
    ...credentials,
    ...(issuer === undefined ? {} : { credentials: issuer }),
    maxRunning: options.capacity,
    warm,
    // What reaches the host must not reach its instances: they go on while it drains.
    detached: true,
  });
  const host = createHost({ ...options, ...credentials, spawner, logger });
  try {
    await host.start();
  } catch (error) {
    process.stderr.write(`the host could not start: ${String(error)}\n`);
    await spawner.stop();
    return 1;
  }
  process.stdout.write(`host ${host.hostId} takes orders\n`);
  const end = await Promise.race([host.ended, signaled()]);
  if (end === 'signal') await Promise.race([host.drain({ withinMs: drainSeconds * 1000 }), signaled()]);
  await host.stop();
  await spawner.stop();
  await flushTelemetry();
  return end === 'evicted' ? 1 : 0;
}

async function signaled(): Promise<'signal'> {
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  return 'signal';
}

function readSettings(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      url: { type: 'string' },
      org: { type: 'string' },
      unit: { type: 'string' },
      id: { type: 'string', default: hostname() },
      label: { type: 'string', multiple: true, default: [] },
      capacity: { type: 'string', default: String(25 * availableParallelism()) },
      blueprint: { type: 'string', multiple: true },
      warm: { type: 'string', default: '0' },
      'drain-seconds': { type: 'string', default: '30' },
      'host-version': { type: 'string' },
      'password-file': { type: 'string' },
    },
  });
  const [command, ...rest] = positionals;
  if (command === undefined) throw new Error('PROGRAM is missing: put it behind --');
  const { org, unit, id, label, blueprint, 'host-version': version, 'password-file': passwordFile } = values;
  if (values.url === undefined) throw new Error('--url is missing');
  for (const [name, value] of Object.entries({ org, unit, id }))
    if (!isIdentifier(value))
      throw new Error(
        value === undefined
          ? `--${name} is missing`
          : `--${name} must be letters, digits, ., _ and -, is "${String(value)}"`,
      );
  const { url, ...credentials } = brokerOf({ broker: values.url, passwordFile }, process.env);
  return {
    url,
    credentials,
    issuer: kindIssuer(process.env, credentials),
    org: org as string,
    unit: unit as string,
    hostId: id,
    labels: Object.fromEntries(label.map(readLabel)),
    capacity: count('capacity', values.capacity, 1),
    warm: count('warm', values.warm, 0),
    drainSeconds: count('drain-seconds', values['drain-seconds'], 0),
    ...(blueprint === undefined ? {} : { blueprints: blueprint }),
    ...(version === undefined ? {} : { version }),
    command,
    args: rest,
  };
}

function readLabel(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new Error(`--label must be NAME=VALUE, is "${text}"`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function count(name: string, text: string, least: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < least)
    throw new Error(`--${name} must be an integer from ${least}, is "${text}"`);
  return value;
}
