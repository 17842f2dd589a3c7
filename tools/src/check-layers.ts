import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findViolations, type SourceFile } from './layers/find-violations.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const SKIP = new Set(['node_modules', 'dist', 'generated', '.git', '.cache', '.turbo']);

function sources(folder: string): SourceFile[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (SKIP.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    if (!entry.name.endsWith('.ts')) return [];
    return [{ path: relative(root, path).split(sep).join('/'), text: readFileSync(path, 'utf8') }];
  });
}

const files = ['protocol', 'packages', 'apps', 'tools'].flatMap((folder) => sources(join(root, folder)));
const violations = findViolations(files.filter((file) => !file.path.startsWith('tools/src/layers/')));
for (const { path, line, message } of violations) console.error(`${path}:${line}  ${message}`);
console.error(`layers: ${files.length} files, ${violations.length} violations`);
process.exitCode = violations.length === 0 ? 0 : 1;
