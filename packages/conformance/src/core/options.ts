import { parseArgs } from 'node:util';
import { ConformanceError } from './conformance-error.ts';
import type { Role } from './requirement.ts';

export const USAGE = `shoal-conformance: tests an A2A-over-MQTT implementation from outside, over the wire.

  shoal-conformance --broker mqtt://127.0.0.1:1883 --manifest subject.json
  shoal-conformance --broker mqtt://127.0.0.1:1883 --responder 'python agent.py {host} {port} {org} {unit} {agentId}'
  shoal-conformance --broker mqtt://127.0.0.1:1883 --role broker

What is tested
  --broker URL               mqtt:// or mqtts://, with user:password@ if need be
  --manifest FILE            describes the subject: how to start it, what it offers (README: The manifest)
  --responder COMMAND        instead of a manifest: a test agent that offers nothing but an echo
  --requester COMMAND        instead of a manifest: a requester that sends
  --role ROLES               responder, requester, subscriber, broker; default: those that the manifest describes
  --only IDS                 scenario ids, or beginnings: V30,V41.pages
  --expected-failures FILE   JSON: scenario id to reason. Fails on any other failure, and on one of these that passes

How
  --timeout MS               wait for what has to come (default 5000)
  --quiet MS                 wait for what must not come (default 300)
  --concurrency N            scenarios at once (default 4)
  --org ID, --unit ID        where on the broker (default conformance, and a new unit for each run)
  --ca FILE                  PEM of an authority to trust with mqtts://

Reports
  --json                     one JSON document on standard output
  --junit FILE               JUnit XML into a file
  --failures                 text: leave out what passed
  --list                     the scenarios, and nothing is run
  --help

Exit code: 0 everything passed or failed as expected, 1 it did not, 2 nothing could be tested.`;

export interface CommandOptions {
  readonly broker?: string;
  readonly manifest?: string;
  readonly responder?: string;
  readonly requester?: string;
  readonly roles?: readonly Role[];
  readonly only?: readonly string[];
  readonly expectedFailures?: string;
  readonly timeoutMs?: number;
  readonly quietMs?: number;
  readonly concurrency?: number;
  readonly org?: string;
  readonly unit?: string;
  readonly ca?: string;
  readonly json: boolean;
  readonly junit?: string;
  readonly failures: boolean;
  readonly list: boolean;
  readonly help: boolean;
}

const ROLES: readonly Role[] = ['responder', 'requester', 'subscriber', 'broker'];

/** Reads the command line. Throws ConformanceError `invalid-option` that names the flag. */
export function parseOptions(args: readonly string[]): CommandOptions {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        broker: text,
        manifest: text,
        responder: text,
        requester: text,
        role: text,
        only: text,
        'expected-failures': text,
        timeout: text,
        quiet: text,
        concurrency: text,
        org: text,
        unit: text,
        ca: text,
        junit: text,
        json: flag,
        failures: flag,
        list: flag,
        help: flag,
      },
    }));
  } catch (error) {
    throw new ConformanceError('invalid-option', (error as Error).message);
  }
  const { json, failures, list, help } = values;
  const roles = values.role?.split(',');
  const unknown = roles?.find((role) => !ROLES.includes(role as Role));
  if (unknown !== undefined) throw wrong('role', `${unknown}; known are ${ROLES.join(', ')}`);
  if (values.manifest !== undefined && (values.responder !== undefined || values.requester !== undefined))
    throw wrong('manifest', 'goes without --responder and --requester');
  return {
    json,
    failures,
    list,
    help,
    ...present({
      broker: values.broker,
      manifest: values.manifest,
      responder: values.responder,
      requester: values.requester,
      org: values.org,
      unit: values.unit,
      ca: values.ca,
      junit: values.junit,
      expectedFailures: values['expected-failures'],
    }),
    ...present({
      timeoutMs: number('timeout', values.timeout),
      quietMs: number('quiet', values.quiet),
      concurrency: number('concurrency', values.concurrency),
    }),
    ...(roles === undefined ? {} : { roles: roles as Role[] }),
    ...(values.only === undefined ? {} : { only: values.only.split(',') }),
  };
}

/** Splits a command line at blanks; quotes keep a part together. */
export function splitCommand(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    (match) => match[1] ?? match[2] ?? match[3] ?? '',
  );
}

function number(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw wrong(name, `${text} is not a whole number from 1`);
  return value;
}

/** The members that are set. */
function present<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}

function wrong(name: string, what: string): ConformanceError {
  return new ConformanceError('invalid-option', `--${name}: ${what}`);
}
