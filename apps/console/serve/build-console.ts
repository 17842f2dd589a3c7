import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WORKSPACE = fileURLToPath(new URL('../../..', import.meta.url));
const DIST = join(ROOT, 'dist');
const STAMP = join(DIST, '.built-from');
const SKIP: ReadonlySet<string> = new Set(['node_modules', 'dist', 'test', 'contract', 'examples', '.turbo']);

/** Builds the console unless what is there was built from the same sources. Resolves with its folder. */
export async function buildConsole(): Promise<string> {
  const stamp = stampOf();
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp) return DIST;
  // Whoever builds may run as something else (tests do): React then comes in its slow variety, which runs effects twice.
  const { NODE_ENV } = process.env;
  process.env['NODE_ENV'] = 'production';
  try {
    await build({
      root: ROOT,
      configFile: join(ROOT, 'vite.config.ts'),
      logLevel: 'error',
      mode: 'production',
    });
  } finally {
    if (NODE_ENV === undefined) delete process.env['NODE_ENV'];
    else process.env['NODE_ENV'] = NODE_ENV;
  }
  writeFileSync(STAMP, stamp);
  return DIST;
}

/** Size and time of every file that the build may read. */
function stampOf(): string {
  const hash = createHash('sha256');
  for (const folder of [ROOT, join(WORKSPACE, 'protocol'), join(WORKSPACE, 'packages')])
    addFolder(hash, folder);
  hash.update(readFileSync(join(WORKSPACE, 'pnpm-lock.yaml')));
  return hash.digest('hex');
}

function addFolder(hash: ReturnType<typeof createHash>, folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !SKIP.has(entry.name)) addFolder(hash, path);
    if (!entry.isFile() || /\.(test\.ts|md)$/.test(entry.name)) continue;
    const { size, mtimeMs } = statSync(path);
    hash.update(`${path}\0${size}\0${mtimeMs}\n`);
  }
}
