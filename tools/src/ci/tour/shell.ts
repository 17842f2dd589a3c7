import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { assert, sourceArgs, startCommand, type CommandResult, type RunningCommand } from '../run-command.ts';

const SHOAL = fileURLToPath(new URL('../../../../apps/cli/src/bin/main.ts', import.meta.url));

export interface Expected {
  /** Exit code, by default 0. */
  readonly code?: number;
  /** Must occur in standard output and standard error, taken together. */
  readonly says?: readonly RegExp[];
  readonly env?: Readonly<Record<string, string>>;
}

/** `shoal` as a person or a script runs it: a process of its own, with its exit code and its two outputs. */
export class Shell {
  readonly #env: Readonly<Record<string, string>>;
  /** How many processes ran. */
  runs = 0;

  constructor(env: Readonly<Record<string, string>>) {
    this.#env = env;
  }

  start(args: readonly string[], env: Readonly<Record<string, string>> = {}): RunningCommand {
    this.runs += 1;
    return startCommand(process.execPath, sourceArgs(SHOAL, ...args), {
      env: { ...plainEnvironment(), ...this.#env, ...env },
      timeoutMs: 120_000,
    });
  }

  async run(args: readonly string[], expected: Expected = {}): Promise<CommandResult> {
    const result = await this.start(args, expected.env).done;
    this.#check(args, result, expected);
    return result;
  }

  /** With `--json`: one document and nothing else on standard output. Its shape is checked by the tests of the command line. */
  async json<T>(args: readonly string[], expected: Expected = {}): Promise<T> {
    const result = await this.run([...args, '--json'], expected);
    return this.document<T>(args, result);
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- names what the command prints
  document<T>(args: readonly string[], { stdout }: CommandResult): T {
    try {
      return JSON.parse(stdout) as T;
    } catch (cause) {
      throw new Error(
        `shoal ${args.join(' ')}: standard output is not one document: ${stdout.slice(0, 500)}`,
        { cause },
      );
    }
  }

  /** Fails as it is documented, and its message names the mend. */
  async fails(args: readonly string[], code: number, ...says: readonly RegExp[]): Promise<void> {
    await this.run(args, { code, says });
    const { stdout } = await this.run([...args, '--json'], { code });
    const { error } = JSON.parse(stdout) as { error?: { exitCode: number; message: string } };
    assert(error?.exitCode === code, `shoal ${args.join(' ')} --json: no error document, ${stdout}`);
  }

  #check(args: readonly string[], result: CommandResult, { code = 0, says = [] }: Expected): void {
    const told = `shoal ${args.join(' ')}\n${result.stdout.slice(-3_000)}\n${result.stderr.slice(-3_000)}`;
    assert(result.code === code, `exit code ${result.code}, expected ${code}: ${told}`);
    for (const words of says)
      assert(words.test(result.stdout + result.stderr), `does not say ${String(words)}: ${told}`);
  }
}

/** Starts `shoal dev` and waits for the address that it tells. `stop` is Ctrl-C; it must end with 0. */
export async function startDev(
  args: readonly string[],
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const child = spawn(process.execPath, sourceArgs(SHOAL, 'dev', '--port', '0', ...args), {
    env: plainEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  const ended = once(child, 'exit');
  const url = await new Promise<string>((resolve, reject) => {
    const listen = (chunk: Buffer): void => {
      said += chunk.toString('utf8');
      const [, found] = /broker\s+(mqtt:\/\/\S+)[\s\S]*Ctrl-C/.exec(said) ?? [];
      if (found !== undefined) resolve(found);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    void ended.then(([code]) => reject(new Error(`shoal dev ended with ${String(code)}\n${said}`)));
  });
  return {
    url,
    async stop() {
      child.kill('SIGINT');
      const [code] = (await ended) as [number | null];
      assert(code === 0, `shoal dev ended with ${code} after Ctrl-C\n${said.slice(-3_000)}`);
    },
  };
}

/** Nothing of this machine's own configuration. */
function plainEnvironment(): Record<string, string> {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'LANG'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(kept), XDG_CONFIG_HOME: '/nonexistent', NO_COLOR: '1' };
}
