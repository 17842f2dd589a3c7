#!/usr/bin/env node
import { relative } from 'node:path';
import { parseCommandLine, USAGE } from '../core/command-line.ts';
import { isScaffoldError } from '../errors.ts';
import { scaffold } from '../io/scaffold.ts';

try {
  const command = parseCommandLine(process.argv.slice(2));
  if (command.help) {
    process.stdout.write(USAGE);
  } else {
    const { directory, files } = scaffold(command.kind, command.options);
    const folder = relative('', directory) || '.';
    // Who ran us is who installs: `npm create` and `pnpm create` say so.
    const manager = /^(npm|pnpm|yarn)\//.exec(process.env['npm_config_user_agent'] ?? '')?.[1] ?? 'pnpm';
    process.stdout.write(
      `${files.map((file) => `  ${folder}/${file}\n`).join('')}\nNext:\n  cd ${folder}\n  ${manager} install\n` +
        `  ${manager} run broker    # in a terminal of its own, unless you have one\n  ${manager} run dev\n`,
    );
  }
} catch (error) {
  if (!isScaffoldError(error)) throw error;
  process.stderr.write(`create-shoal: ${error.message}\n`);
  process.exitCode = 1;
}
