import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ROOT, startCommand } from '../ci/run-command.ts';
import { blocksOf, within, type Block } from './blocks.ts';

/** Where each package is found under its own name, beside what it depends on; git ignores it. */
const BESIDE = '.cache/readme';
const PROJECT = join(ROOT, 'tools/.cache/readmes');
const folders = ['protocol', ...within('packages'), ...within('apps')].filter((folder) =>
  existsSync(join(ROOT, folder, 'README.md')),
);
const examples = folders.flatMap((folder) =>
  blocksOf(`${folder}/README.md`)
    .filter(({ language }) => language === 'ts')
    .map((block) => ({ file: join(ROOT, folder, BESIDE, `line-${block.line}.ts`), block })),
);

afterAll(() => {
  for (const folder of folders) rmSync(join(ROOT, folder, BESIDE), { recursive: true, force: true });
  rmSync(PROJECT, { recursive: true, force: true });
});

// From their tarballs they are compiled, and run, by `check-packages`; that takes minutes, and this tells at once.
test(
  'the examples in the READMEs of packages compile against the sources',
  { timeout: 180_000 },
  async () => {
    expect(examples.length).toBeGreaterThan(20);
    for (const { file, block } of examples) write(file, block);
    mkdirSync(PROJECT, { recursive: true });
    writeFileSync(
      join(PROJECT, 'tsconfig.json'),
      JSON.stringify({
        extends: '../../tsconfig.json',
        include: [],
        files: examples.map(({ file }) => file),
      }),
    );
    const { stdout, code } = await startCommand('npx', ['tsc', '--noEmit', '-p', PROJECT]).done;
    expect(stdout).toBe('');
    expect(code).toBe(0);
  },
);

function write(file: string, { code }: Block): void {
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, code);
}
