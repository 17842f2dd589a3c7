import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { EXIT_CODES } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { isGroup, type Flags, type Group, type Leaf, type OptionSpec } from './leaf.ts';
import { COLOR_OPTION, CONNECTION_OPTIONS, JSON_OPTION, JSONL_OPTION } from './options.ts';

export type Execute = (leaf: Leaf, args: readonly string[], flags: Flags) => Promise<void>;

/** The parser for a table of commands. It writes to `io` and throws CommanderError instead of ending the process. */
export function buildProgram(nodes: readonly (Leaf | Group)[], io: Io, execute: Execute): Command {
  const program = new Command('shoal')
    .description('Agents, sessions and devices on an MQTT 5 broker: see them and steer them.')
    .version(version(), '-V, --version')
    .enablePositionalOptions()
    .addHelpText('after', `\n${CONFIGURATION}\n\n${exitCodes()}`);
  prepare(program, io);
  for (const node of nodes) {
    if (!isGroup(node)) program.addCommand(leafCommand(node, io, execute), { hidden: node.hidden ?? false });
    else program.addCommand(groupCommand(node, io, execute));
  }
  return program;
}

function groupCommand(group: Group, io: Io, execute: Execute): Command {
  const command = new Command(group.name).description(group.summary);
  prepare(command, io);
  for (const leaf of group.commands)
    command.addCommand(leafCommand(leaf, io, execute), { hidden: leaf.hidden ?? false });
  return command;
}

function leafCommand(leaf: Leaf, io: Io, execute: Execute): Command {
  const command = new Command(leaf.name).description(leaf.summary);
  prepare(command, io);
  if (leaf.args !== undefined) command.arguments(leaf.args);
  if (leaf.passThrough === true) command.allowUnknownOption().passThroughOptions().helpOption(false);
  else for (const spec of optionsOf(leaf)) command.addOption(toOption(spec));
  const examples = leaf.examples.map((example) => `  $ ${example}`).join('\n');
  if (examples !== '') command.addHelpText('after', `\nExamples:\n${examples}`);
  // The parser calls it with the arguments as declared (a list for the last `...`), the options, and the command.
  command.action(async (...called: unknown[]) => {
    const args = called
      .slice(0, -2)
      .flat()
      .filter((arg): arg is string => typeof arg === 'string');
    await execute(leaf, args, command.opts());
  });
  return command;
}

/** Every flag of a command, as completion and help show them. */
export function optionsOf(leaf: Leaf): readonly OptionSpec[] {
  if (leaf.passThrough === true) return [];
  return [
    ...(leaf.options ?? []),
    ...(leaf.shape === undefined ? [] : [JSON_OPTION]),
    ...(leaf.streams === true ? [JSONL_OPTION] : []),
    COLOR_OPTION,
    ...(leaf.connects !== true
      ? []
      : leaf.urlFlag === undefined
        ? CONNECTION_OPTIONS
        : CONNECTION_OPTIONS.slice(1)),
  ];
}

function toOption({ flags, description, choices, repeat, required = false }: OptionSpec): Option {
  const option = new Option(flags, description).makeOptionMandatory(required);
  if (repeat === true) {
    return option.argParser((value: string, before: readonly string[] | undefined) => {
      if (choices !== undefined && !choices.includes(value))
        throw new InvalidArgumentError(`Allowed choices are ${choices.join(', ')}.`);
      return [...(before ?? []), value];
    });
  }
  return choices === undefined ? option : option.choices([...choices]);
}

function prepare(command: Command, io: Io): void {
  command
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .helpCommand(false)
    .showHelpAfterError('(add --help for the flags and examples)');
}

const CONFIGURATION = `Configuration, the first that is set wins:
  1. flags
  2. environment: SHOAL_BROKER_URL, SHOAL_USERNAME, SHOAL_PASSWORD, SHOAL_PASSWORD_FILE, SHOAL_ORG, SHOAL_UNIT, …
  3. shoal.config.json in this folder or above, or the file of --config
  4. $XDG_CONFIG_HOME/shoal/config.json (~/.config/shoal/config.json)`;

function exitCodes(): string {
  const rows = Object.values(EXIT_CODES).map(({ code, when }) => `  ${String(code).padStart(3)}  ${when}`);
  return `Exit codes:\n${rows.join('\n')}`;
}

export function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
