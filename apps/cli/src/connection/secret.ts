import { readFile } from 'node:fs/promises';
import { passwordIn } from '@shoal/agent-sdk/program';
import { usageError } from '../errors.ts';
import type { Io } from '../io.ts';
import type { Settings } from '../settings/settings.ts';

/** The password: as set, from its file, or typed by a person. Undefined: there is none. Throws CliError `usage`. */
export async function passwordOf(io: Io, settings: Settings): Promise<string | undefined> {
  const { password, passwordFile, username, certFile } = settings;
  if (password !== undefined) return password;
  if (passwordFile === '-') return passwordIn(await io.stdin.read());
  if (passwordFile !== undefined) return readPassword(passwordFile, '--password-file');
  if (username === undefined || certFile !== undefined || !io.stdin.isTTY) return undefined;
  return io.stdin.readSecret(`Password of ${username}: `);
}

/** Throws CliError `usage` that names the flag. */
export async function readPassword(path: string, flag: string): Promise<string> {
  try {
    return passwordIn(await readFile(path, 'utf8'));
  } catch (cause) {
    throw usageError(`${flag}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}
