import { readFile } from 'node:fs/promises';
import { usageError } from '../errors.ts';
import type { Io } from '../io.ts';
import type { Settings } from '../settings/settings.ts';

/** The password: as set, from its file, or typed by a person. Undefined: there is none. Throws CliError `usage`. */
export async function passwordOf(io: Io, settings: Settings): Promise<string | undefined> {
  const { password, passwordFile, username, certFile } = settings;
  if (password !== undefined) return password;
  if (passwordFile !== undefined) return firstLine(await readSecretFile(io, passwordFile));
  if (username === undefined || certFile !== undefined || !io.stdin.isTTY) return undefined;
  return io.stdin.readSecret(`Password of ${username}: `);
}

async function readSecretFile(io: Io, path: string): Promise<string> {
  if (path === '-') return io.stdin.read();
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw usageError(`--password-file: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

function firstLine(text: string): string {
  return text.split(/\r?\n/, 1)[0] ?? '';
}
