import type { Outcome } from '../exit-codes.ts';
import type { Style } from '../output/style.ts';
import type { Context } from './context.ts';

export interface OptionSpec {
  /** As the parser takes it: `--presence <state>`. */
  readonly flags: string;
  readonly description: string;
  readonly choices?: readonly string[];
  /** Words to complete with, where others are taken too. */
  readonly suggestions?: readonly string[];
  /** May be given more than once; the values are a list. */
  readonly repeat?: boolean;
  readonly required?: boolean;
}

/** What the parser leaves: one member for each flag, camel case. */
export type Flags = Readonly<Record<string, unknown>>;

/** What a command does. Loaded only when it is called. */
export interface Implementation<T = unknown> {
  /** What `--json` prints. Rejects with any error of the packages; `errors.ts` makes exit codes of them. */
  run(context: Context, args: readonly string[], flags: Flags): Promise<T>;
  /** The same for people. A command that has told everything while it ran returns an empty text. */
  text(value: T, style: Style): string;
  /** Of a program that was run; instead of `outcome`. */
  exitCode?(value: T): number;
  /** Default `ok`. */
  outcome?(value: T): Outcome;
}

/** One command. */
export interface Leaf {
  readonly name: string;
  /** As the parser takes them: `<agent> [text...]`. */
  readonly args?: string;
  readonly summary: string;
  readonly options?: readonly OptionSpec[];
  /** Takes the flags that say where to connect and as whom. */
  readonly connects?: boolean;
  /** The flag with the URL, where `--broker` means something else. */
  readonly urlFlag?: string;
  /** Name of the JSON Schema of what `--json` prints. Unset: the command has no `--json`. */
  readonly shape?: string;
  /** Tells as it goes; `--jsonl` prints each piece at once. */
  readonly streams?: boolean;
  /** Ctrl-C is how it is meant to end. */
  readonly untilStopped?: boolean;
  /** Words that may stand as an argument. */
  readonly completes?: readonly string[];
  /** Called by programs, not by people: left out of help and completion. */
  readonly hidden?: boolean;
  /** Hands on every word behind its name as it is. */
  readonly passThrough?: boolean;
  readonly examples: readonly string[];
  load(): Promise<Implementation>;
}

export interface Group {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly Leaf[];
}

export function isGroup(node: Leaf | Group): node is Group {
  return 'commands' in node;
}

/** Keeps the type of the value between `run` and `text`, and loses it for the table of commands. */
export function implement<T>(implementation: Implementation<T>): Implementation {
  return implementation;
}
