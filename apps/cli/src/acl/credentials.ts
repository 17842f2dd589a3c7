import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { usageError } from '../errors.ts';

/** Passwords by user: those that the file has stay, the others are new. Throws CliError `usage` for a file that is something else. */
export async function keepOrMakePasswords(
  path: string,
  users: readonly string[],
): Promise<{ readonly passwords: Readonly<Record<string, string>>; readonly made: number }> {
  const known = await readKnown(path);
  let made = 0;
  const passwords = Object.fromEntries(
    users.map((user) => {
      const old = known[user];
      if (old === undefined) made += 1;
      return [user, old ?? randomBytes(24).toString('base64url')];
    }),
  );
  return { passwords, made };
}

async function readKnown(path: string): Promise<Readonly<Record<string, string>>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw usageError(error instanceof Error ? error.message : String(error));
  }
  const value = tryParse(text);
  const isMap =
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((entry) => typeof entry === 'string');
  if (!isMap) throw usageError(`${path}: is not a file of passwords by user; move it away`);
  return value as Readonly<Record<string, string>>;
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
