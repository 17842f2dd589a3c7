import { isScaffoldError, scaffold, SCAFFOLD_KINDS, type ScaffoldKind } from 'create-shoal';
import { resolve } from 'node:path';
import { CliError, usageError } from '../errors.ts';
import { implement } from '../program/leaf.ts';
import type { Created } from '../shapes/projects.ts';

export const create = implement<Created>({
  run(context, [kind = '', name = ''], flags) {
    const { dir } = flags as { readonly dir?: string };
    const { org, unit } = context.settings;
    const { cwd } = context.io;
    if (!(SCAFFOLD_KINDS as readonly string[]).includes(kind))
      throw usageError(`"${kind}": there are templates for ${SCAFFOLD_KINDS.join(', ')}`, 'unknown-kind');
    try {
      const made = scaffold(kind as ScaffoldKind, {
        name,
        directory: resolve(cwd, dir ?? name),
        ...(org === undefined ? {} : { org }),
        ...(unit === undefined ? {} : { unit }),
      });
      return Promise.resolve({ kind: made.kind, directory: made.directory, files: [...made.files] });
    } catch (error) {
      if (!isScaffoldError(error)) throw error;
      throw new CliError(error.code === 'write-failed' ? 'failed' : 'usage', error.message, {
        code: error.code,
        cause: error,
      });
    }
  },
  text: ({ directory, files }) =>
    `${files.map((file) => `written  ${file}\n`).join('')}next: cd ${directory}, and read README.md\n`,
});
