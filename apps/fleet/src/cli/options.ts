import { parseReasonerConfig, type ReasonerConfig } from '@shoal/reasoner/config';
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export interface FleetOptions {
  /** Devices to simulate, alternating pumps and HVAC units. */
  readonly devices: number;
  /** Device seconds that pass in one second of wall time. */
  readonly speed: number;
  /** A broker to use instead of the embedded one, as URL. */
  readonly broker: string | undefined;
  /** Folder with recordings (`pump/`, `bearing/`); undefined looks for SHOAL_DATA and ../shared/data. */
  readonly data: string | undefined;
  /** Exit after the first work order. */
  readonly once: boolean;
  /** One JSON document on stdout at the end. */
  readonly json: boolean;
  /** With `once`: longest wait for the work order, in seconds of wall time. */
  readonly timeoutSeconds: number;
  /** Use the physical models even where recordings are found. */
  readonly models: boolean;
  /** Shortest time that a step takes, in seconds of wall time, so that people can watch it, or kill it. */
  readonly stepSeconds: number;
  /** TCP port of the embedded broker; 0 takes a free one. */
  readonly port: number;
  /** Folder for the pages of work orders; undefined: `.shoal/work-orders` of this app. */
  readonly orders: string | undefined;
  /** Serve the web console. */
  readonly console: boolean;
  readonly org: string;
  readonly unit: string;
  /** A language model that drafts texts and weighs what the signal leaves open; null: none. */
  readonly reasoner: ReasonerConfig | null;
}

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const USAGE = `Usage: pnpm dev [flags]        run the demo fleet until Ctrl-C
       pnpm demo [flags]       stop after the first work order (same as --once)

  --devices N      devices to simulate, pumps and HVAC units in turn (default 8, 2 to 200)
  --speed X        device seconds per second (default 40, 1 to 1000)
  --broker URL     use this MQTT 5 broker instead of the embedded one: mqtt://, mqtts://, ws:// or wss://
  --data DIR       recordings (pump/, bearing/); default SHOAL_DATA, then ../shared/data, then physical models
  --step-seconds S shortest time that a workflow step takes, to watch it or to kill it (default 0, up to 60)
  --models         use the physical models even where recordings are found
  --once           exit 0 after the first work order, 1 with a reason when none comes in time
  --timeout S      with --once: seconds to wait for the work order (default 180)
  --json           one JSON document on stdout at the end; everything else goes to stderr
  --port N         port of the embedded broker (default 0: any free port)
  --orders DIR     folder for work orders as pages to read and print (default apps/fleet/.shoal/work-orders)
  --org ID         organisation in every topic (default acme)
  --unit ID        unit in every topic (default plant-1)
  --reasoner FILE  JSON that names a language model (see @shoal/reasoner); default SHOAL_REASONER, then rules alone
  --model FILE     a language model in this machine: a GGUF file, run by node-llama-cpp under the limits that the README of the app names
  --help           this text
`;

const FLAGS = {
  devices: { type: 'string', default: '8' },
  speed: { type: 'string', default: '40' },
  broker: { type: 'string' },
  data: { type: 'string' },
  models: { type: 'boolean', default: false },
  once: { type: 'boolean', default: false },
  timeout: { type: 'string', default: '180' },
  json: { type: 'boolean', default: false },
  'step-seconds': { type: 'string', default: '0' },
  port: { type: 'string', default: '0' },
  orders: { type: 'string' },
  'no-console': { type: 'boolean', default: false },
  org: { type: 'string', default: 'acme' },
  unit: { type: 'string', default: 'plant-1' },
  reasoner: { type: 'string' },
  model: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

/** Reads the command line; undefined asks for the usage text. Throws UsageError that names the flag and the mend. */
export function parseOptions(argv: readonly string[]): FleetOptions | undefined {
  const values = readFlags(argv);
  if (values.help) return undefined;
  return {
    devices: integer('devices', values.devices, 2, 200),
    speed: number('speed', values.speed, 1, 1000),
    broker: brokerUrl(values.broker),
    data: values.data,
    once: values.once,
    json: values.json,
    timeoutSeconds: number('timeout', values.timeout, 1, 86_400),
    models: values.models,
    stepSeconds: number('step-seconds', values['step-seconds'], 0, 60),
    port: integer('port', values.port, 0, 65_535),
    orders: values.orders,
    console: !values['no-console'] && !values.once && !values.json,
    org: identifier('org', values.org),
    unit: identifier('unit', values.unit),
    reasoner: reasonerOf(values),
  };
}

function readFlags(argv: readonly string[]) {
  try {
    // pnpm hands on the `--` that older habits put in front of a script's flags.
    return parseArgs({ args: argv.filter((arg) => arg !== '--'), options: FLAGS, allowPositionals: false })
      .values;
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`, {
      cause: error,
    });
  }
}

function reasonerOf({ model, reasoner }: { model?: string; reasoner?: string }): ReasonerConfig | null {
  if (model === undefined) return reasonerConfig(reasoner ?? process.env['SHOAL_REASONER']);
  if (reasoner !== undefined)
    throw new UsageError(
      '--model and --reasoner each name a model: give one of them; --reasoner sets limits too',
    );
  return modelConfig(model);
}

/** Small steps for a small model: what it does not finish in time, or within its tokens, the rules do. */
function modelConfig(file: string): ReasonerConfig {
  const modelPath = resolve(file);
  if (statSync(modelPath, { throwIfNoEntry: false })?.isFile() !== true)
    throw new UsageError(`--model takes a GGUF file, and ${modelPath} is none`);
  return {
    kind: 'llama',
    modelPath,
    maxOutputTokens: 256,
    temperature: 0,
    repairs: 1,
    budgets: { session: { tokens: 20_000 }, fleetPerDay: { tokens: 1_000_000 } },
    fallback: 'rules',
    overBudget: 'rules',
  };
}

function reasonerConfig(file: string | undefined): ReasonerConfig | null {
  if (file === undefined || file === '') return null;
  try {
    const config = parseReasonerConfig(JSON.parse(readFileSync(file, 'utf8')));
    return config.kind === 'rules' ? null : config;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`--reasoner ${file}: ${why}`, { cause: error });
  }
}

function number(flag: string, text: string, minimum: number, maximum: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < minimum || value > maximum)
    throw new UsageError(`--${flag} takes a number from ${minimum} to ${maximum}, not "${text}"`);
  return value;
}

function integer(flag: string, text: string, minimum: number, maximum: number): number {
  const value = number(flag, text, minimum, maximum);
  if (!Number.isInteger(value)) throw new UsageError(`--${flag} takes a whole number, not "${text}"`);
  return value;
}

function identifier(flag: string, text: string): string {
  if (!/^[A-Za-z0-9_.-]+$/.test(text))
    throw new UsageError(`--${flag} takes letters, digits, "_", "." and "-", not "${text}"`);
  return text;
}

function brokerUrl(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (!URL.canParse(text) || !/^(mqtts?|wss?):$/.test(new URL(text).protocol))
    throw new UsageError(`--broker takes a URL such as mqtt://127.0.0.1:1883, not "${text}"`);
  return text;
}
