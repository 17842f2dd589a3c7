import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

export function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(root, path), 'utf8'));
}

export interface Example {
  readonly type: string;
  readonly name: string;
  readonly document: unknown;
  /** The field at fault; undefined for valid ones. */
  readonly field: string | undefined;
}

export function readExamples(kind: 'valid' | 'invalid' | 'unwritable'): readonly Example[] {
  const folder = join(root, 'examples', kind);
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((type) =>
    readdirSync(join(folder, type)).map((file) => {
      const content = readJson(`examples/${kind}/${type}/${file}`);
      const name = file.replace(/\.json$/, '');
      if (kind === 'valid') return { type, name, document: content, field: undefined };
      return { type, name, ...(content as { field: string; document: unknown }) };
    }),
  );
}
