import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { clientIdOf, type AgentAddress } from '@shoal/protocol';

/** Where an agent runs: from the flags of its program, else from the environment. */
export interface ProgramPlace {
  /** `--broker` or `SHOAL_BROKER_URL`; default `mqtt://127.0.0.1:1883`. */
  readonly url: string;
  /** `--org` or `SHOAL_ORG`. */
  readonly org: string;
  /** `--unit` or `SHOAL_UNIT`. */
  readonly unit: string;
  /** `--id`. */
  readonly agentId?: string;
  /** `SHOAL_USERNAME`. */
  readonly username?: string;
  /** `SHOAL_PASSWORD`, or the file in `SHOAL_PASSWORD_FILE`; never a flag, for everyone may list processes. */
  readonly password?: string;
}

export interface AgentProgram<Flag extends string> {
  /** Of the command; begins every error that it prints. */
  readonly name: string;
  /** First line of the help, without the flags that every agent program has. */
  readonly summary: string;
  /** Flags of its own, each with a value: `--name VALUE`. */
  readonly flags: Readonly<Record<Flag, { readonly value: string; readonly help: string }>>;
  /** Starts the agent; what it throws is printed and ends the program with code 1. */
  start(
    place: ProgramPlace,
    flags: ProgramFlags<Flag>,
  ): Promise<{ readonly address: AgentAddress; stop(): Promise<void> }>;
}

export interface ProgramFlags<Flag extends string> {
  readonly values: Readonly<Partial<Record<Flag, string>>>;
  /** Throws ProgramUsageError when the flag is missing. */
  required(flag: Flag): string;
  /** The content of the JSON file that the flag names; undefined without the flag. Throws ProgramUsageError that names flag and file. */
  json(flag: Flag): unknown;
}

/** A command line or an environment that cannot be understood: the program prints it with its help, and ends with code 2. */
export class ProgramUsageError extends Error {
  override readonly name = 'ProgramUsageError';
}

const DEFAULT_URL = 'mqtt://127.0.0.1:1883';
const COMMON = {
  broker: { value: 'URL', help: `(SHOAL_BROKER_URL) default ${DEFAULT_URL}` },
  org: { value: 'ORG', help: '(SHOAL_ORG)' },
  unit: { value: 'UNIT', help: '(SHOAL_UNIT)' },
  id: { value: 'ID', help: 'agent id; default the one of its card' },
};

/**
 * Runs an agent as a program: reads its flags and the environment, starts it, says on stdout that it is online, and stops it at SIGINT and
 * SIGTERM.
 */
export async function runAgentProgram<Flag extends string>(program: AgentProgram<Flag>): Promise<void> {
  try {
    const values = valuesOf(program.flags);
    if (values['help'] === true) return void process.stdout.write(helpOf(program));
    const texts = values as Readonly<Partial<Record<string, string>>>;
    const agent = await program.start(placeOf(texts), flagsOf(texts));
    let stopping: Promise<void> | undefined;
    const stop = (): void => void (stopping ??= agent.stop().then(() => process.exit(0)));
    process.on('SIGINT', stop).on('SIGTERM', stop);
    process.stdout.write(`${clientIdOf(agent.address)} is online\n`);
  } catch (error) {
    const isUsage = error instanceof ProgramUsageError;
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${program.name}: ${message}\n${isUsage ? `\n${helpOf(program)}` : ''}`);
    process.exitCode = isUsage ? 2 : 1;
  }
}

function valuesOf(flags: object): Readonly<Record<string, string | boolean | undefined>> {
  const options = Object.fromEntries(
    Object.keys({ ...COMMON, ...flags }).map((name) => [name, { type: 'string' as const }]),
  );
  try {
    return parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } } }).values;
  } catch (error) {
    throw new ProgramUsageError((error as Error).message, { cause: error });
  }
}

function placeOf(values: Readonly<Partial<Record<string, string>>>): ProgramPlace {
  const { env } = process;
  const required = (flag: string, variable: string): string => {
    const text = values[flag] ?? env[variable];
    if (text === undefined || text === '')
      throw new ProgramUsageError(`--${flag} is missing: give it, or set ${variable}`);
    return text;
  };
  return {
    ...brokerOf({ broker: values['broker'] }, env),
    org: required('org', 'SHOAL_ORG'),
    unit: required('unit', 'SHOAL_UNIT'),
    ...(values['id'] === undefined ? {} : { agentId: values['id'] }),
  };
}

/**
 * The broker and the credential for it, as every program of Shoal reads them: a flag wins over the environment, and there the password over its
 * file. Throws ProgramUsageError that names the flag or the variable.
 */
export function brokerOf(
  flags: {
    readonly broker?: string | undefined;
    readonly username?: string | undefined;
    readonly passwordFile?: string | undefined;
  },
  env: NodeJS.ProcessEnv,
): Pick<ProgramPlace, 'url' | 'username' | 'password'> {
  const username = flags.username ?? env['SHOAL_USERNAME'];
  const password =
    readPasswordFile(flags.passwordFile, '--password-file') ??
    env['SHOAL_PASSWORD'] ??
    readPasswordFile(env['SHOAL_PASSWORD_FILE'], 'SHOAL_PASSWORD_FILE');
  return {
    url: flags.broker ?? env['SHOAL_BROKER_URL'] ?? DEFAULT_URL,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
}

/** `from`: the flag or variable that names the file, for the error. Undefined when none does. Throws ProgramUsageError. */
export function readPasswordFile(file: string | undefined, from: string): string | undefined {
  if (file === undefined) return undefined;
  try {
    return passwordIn(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new ProgramUsageError(`${from}: ${file} cannot be read`, { cause: error });
  }
}

/** The password in the content of its file. Editors end a file with a line break, and one is not part of the password; all else is. */
export function passwordIn(content: string): string {
  return content.replace(/\r?\n$/, '');
}

function flagsOf<Flag extends string>(texts: Readonly<Partial<Record<string, string>>>): ProgramFlags<Flag> {
  return {
    values: texts,
    required(flag) {
      const text = texts[flag];
      if (text === undefined) throw new ProgramUsageError(`--${flag} is missing`);
      return text;
    },
    json(flag) {
      const file = texts[flag];
      if (file === undefined) return undefined;
      const text = readText(file, `--${flag}`);
      try {
        return JSON.parse(text) as unknown;
      } catch (error) {
        throw new ProgramUsageError(`--${flag}: ${file} is not JSON: ${(error as Error).message}`, {
          cause: error,
        });
      }
    },
  };
}

function readText(file: string, from: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ProgramUsageError(`${from}: ${(error as Error).message}`, { cause: error });
  }
}

function helpOf({ name, summary, flags }: AgentProgram<string>): string {
  const lines = Object.entries({ ...flags, ...COMMON }).map(
    ([flag, { value, help }]) => [`--${flag} ${value}`, help] as const,
  );
  const width = Math.max(...lines.map(([left]) => left.length));
  return [
    `${name} [flags]`,
    '',
    summary,
    '',
    ...lines.map(([left, help]) => `  ${left.padEnd(width)}  ${help}`),
    '',
    'User and password: SHOAL_USERNAME and SHOAL_PASSWORD, or the file in SHOAL_PASSWORD_FILE.',
    '',
  ].join('\n');
}
