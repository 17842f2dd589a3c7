import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { usageError } from '../../errors.ts';
import type { Context } from '../../program/context.ts';

/** The JSON in a file, or on standard input for `-`. Throws CliError `usage`. */
export async function readJson(context: Context, path: string): Promise<unknown> {
  const { io } = context;
  let text: string;
  try {
    text = path === '-' ? await io.stdin.read() : await readFile(resolve(io.cwd, path), 'utf8');
  } catch (cause) {
    throw usageError(cause instanceof Error ? cause.message : String(cause), 'unreadable-file');
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw usageError(`${path}: ${cause instanceof Error ? cause.message : String(cause)}`, 'invalid-json');
  }
}
