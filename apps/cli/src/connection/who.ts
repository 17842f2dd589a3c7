import { userInfo } from 'node:os';
import { usageError } from '../errors.ts';
import type { Context } from '../program/context.ts';

/** Who acts, as an identifier: `--by`, else the user name of the connection, else that of this machine. */
export function whoActs(context: Context, given: string | undefined): string {
  if (given !== undefined && !/^[A-Za-z0-9_.-]+$/.test(given))
    throw usageError(`--by takes letters, digits, "_", "." and "-", not "${given}"`, 'invalid-identifier');
  return given ?? asIdentifier(context.settings.username ?? context.io.env['USER'] ?? userNameHere());
}

function userNameHere(): string {
  try {
    return userInfo().username;
  } catch {
    return 'cli';
  }
}

function asIdentifier(text: string): string {
  return text.replace(/[^A-Za-z0-9_.-]/g, '_') || 'cli';
}
