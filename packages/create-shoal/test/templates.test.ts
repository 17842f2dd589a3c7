import { execFile } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { scaffold, SCAFFOLD_KINDS } from '../src/index.ts';

const work = realpathSync(mkdtempSync(join(tmpdir(), 'shoal-templates-')));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const run = promisify(execFile);
const NODE_MODULES = fileURLToPath(new URL('../node_modules', import.meta.url));

/**
 * One process for all, as loading the packages is what takes time. That a project installs from the packages as they are published, and
 * compiles and starts then, is tested where they are packed: `tools/src/release/templates.ts`.
 */
it('every new project passes its own test', async () => {
  symlinkSync(NODE_MODULES, join(work, 'node_modules'), 'dir');
  const tests = SCAFFOLD_KINDS.map((kind) => {
    scaffold(kind, { name: `my-${kind}`, directory: join(work, kind) });
    return `import './${kind}/test/${kind}.test.ts';`;
  });
  writeFileSync(join(work, 'all.mjs'), tests.join('\n'));
  const args = ['--conditions=@shoal/source', '--import', 'tsx', '--test-reporter=tap', 'all.mjs'];
  const { stdout } = await run(process.execPath, args, { cwd: work });
  expect(stdout).toMatch(/# pass 5/);
  expect(stdout).toContain('# fail 0');
}, 600_000);
