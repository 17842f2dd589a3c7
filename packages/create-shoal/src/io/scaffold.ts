import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseKind, type ScaffoldKind } from '../core/kinds.ts';
import { assertIdentifier, assertProjectName } from '../core/names.ts';
import { renderFile, targetPath } from '../core/render.ts';
import { ScaffoldError } from '../errors.ts';
import { shoalRanges } from './shoal-ranges.ts';

export interface ScaffoldOptions {
  /** Name of the package and id of the agent, workflow or device: `pump-inspector`. */
  readonly name: string;
  /** Where to write it. Default: a folder of that name in the current one. It must be missing or empty. */
  readonly directory?: string;
  /** A2A organisation. Default `acme`. */
  readonly org?: string;
  /** A2A unit. Default `plant-1`. */
  readonly unit?: string;
  /** Version ranges for packages of Shoal, by name, in the place of the released ones; for example tarballs. */
  readonly ranges?: Readonly<Record<string, string>>;
}

export interface Scaffolded {
  readonly kind: ScaffoldKind;
  /** Absolute path. */
  readonly directory: string;
  /** Paths of what was written, relative to the directory, sorted. */
  readonly files: readonly string[];
}

const TEMPLATES = fileURLToPath(new URL('../../templates', import.meta.url));
const SKIP = new Set(['node_modules', 'dist']);

/**
 * Writes a new project. Overwrites nothing: the folder has to be missing or empty. Throws ScaffoldError; after any code but
 * `write-failed` nothing was written.
 */
export function scaffold(kind: ScaffoldKind, options: ScaffoldOptions): Scaffolded {
  const { name, org = 'acme', unit = 'plant-1' } = options;
  const template = join(TEMPLATES, parseKind(kind));
  assertProjectName(name);
  assertIdentifier('org', org);
  assertIdentifier('unit', unit);
  const directory = resolve(options.directory ?? name);
  assertEmpty(directory);
  const { ranges, fromSource } = shoalRanges();
  const values = {
    name,
    org,
    unit,
    shoal: { ...ranges, ...options.ranges },
    fromSource: fromSource && options.ranges === undefined,
  };
  const rendered = filesOf(template).map((path) => {
    const target = targetPath(path);
    return { target, text: renderFile(target, readFileSync(join(template, path), 'utf8'), values) };
  });
  try {
    for (const { target, text } of rendered) writeNew(join(directory, target), text);
  } catch (error) {
    throw new ScaffoldError('write-failed', `${directory}: ${describe(error)}`, { cause: error });
  }
  return { kind, directory, files: rendered.map(({ target }) => target).sort() };
}

function assertEmpty(directory: string): void {
  let entries: string[];
  try {
    entries = readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw new ScaffoldError('write-failed', `${directory}: ${describe(error)}`, { cause: error });
  }
  if (entries.length > 0)
    throw new ScaffoldError(
      'folder-not-empty',
      `${directory} holds ${entries.slice(0, 3).join(', ')}${entries.length > 3 ? ', …' : ''}; name another folder`,
    );
}

function filesOf(folder: string, prefix = ''): string[] {
  return readdirSync(join(folder, prefix), { withFileTypes: true })
    .filter(({ name }) => !SKIP.has(name))
    .flatMap((entry) => {
      const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
      return entry.isDirectory() ? filesOf(folder, path) : [path];
    });
}

/** Fails when somebody wrote the file meanwhile. */
function writeNew(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { flag: 'wx' });
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
