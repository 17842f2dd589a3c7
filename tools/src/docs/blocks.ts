import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../ci/run-command.ts';

/** A fenced block of a page. */
export interface Block {
  readonly file: string;
  /** Of its first line. */
  readonly line: number;
  readonly language: string;
  readonly code: string;
}

export function blocksOf(file: string): Block[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(/^```(\w*)[^\n]*\n([\s\S]*?)^```$/gm)].map((match) => ({
    file,
    line: text.slice(0, match.index).split('\n').length + 1,
    language: match[1] ?? '',
    code: match[2] ?? '',
  }));
}

/** Paths of what is in a folder of the repository, from its root. */
export function within(folder: string): string[] {
  return readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`);
}

export function where({ file, line }: Block): string {
  return `${file}:${line}`;
}
