import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleProgram } from '@shoal/bundle';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/bench/', import.meta.url));

/** One JavaScript file of a program in TypeScript, in a place where the next run finds and replaces it. */
export function bundle(entry: URL): Promise<string> {
  return bundleProgram(entry, join(CACHE, basename(dirname(fileURLToPath(entry)))));
}
