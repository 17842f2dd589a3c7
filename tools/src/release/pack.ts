import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert, ROOT, run } from '../ci/run-command.ts';
import { LAYERS } from '../layers/layers.ts';

/** A package as it would be published. */
export interface Packed {
  readonly name: string;
  /** Its name without the scope. */
  readonly short: string;
  readonly folder: string;
  readonly tarball: string;
}

export const PNPM = ['-y', 'pnpm@12.21.0'];

/** Packs every package that is published and looks at what is in it; `pnpm build` comes first. */
export async function packAll(work: string): Promise<Packed[]> {
  const packed: Packed[] = [];
  for (const [name, { folder }] of Object.entries(LAYERS)) {
    const short = name.replace('@shoal/', '');
    const target = join(work, 'tarballs', short);
    mkdirSync(target, { recursive: true });
    await run('npx', [...PNPM, 'pack', '--pack-destination', target], { cwd: join(ROOT, folder) });
    const file = readdirSync(target).find((entry) => entry.endsWith('.tgz'));
    assert(file, `${name}: pack wrote no tarball`);
    packed.push({ name, short, folder, tarball: join(target, file) });
    await checkContents(name, join(target, file));
  }
  return packed;
}

async function checkContents(name: string, tarball: string): Promise<void> {
  const { stdout } = await run('tar', ['-tzf', tarball]);
  const files = stdout.trim().split('\n');
  for (const wanted of [
    'package/README.md',
    'package/LICENSE',
    'package/dist/index.js',
    'package/dist/index.d.ts',
  ])
    assert(files.includes(wanted), `${name}: ${wanted} is missing in the tarball`);
  const stray = files.filter(
    (file) =>
      !file.startsWith('package/templates/') && /\.test\.|tsbuildinfo|node_modules|\/src\//.test(file),
  );
  assert(stray.length === 0, `${name}: the tarball holds ${stray.join(', ')}`);
  const manifest = JSON.parse((await run('tar', ['-xOzf', tarball, 'package/package.json'])).stdout) as {
    readonly exports: object;
  };
  assert(
    !JSON.stringify(manifest.exports).includes('@shoal/source'),
    `${name}: the packed exports name the source condition`,
  );
  assert(!JSON.stringify(manifest).includes('workspace:'), `${name}: a workspace: range was packed`);
}

/** An empty project that depends on these tarballs; what they need of each other comes from tarballs too. */
export function consumer(
  path: string,
  dependencies: readonly Packed[],
  all: readonly Packed[],
  extra: object = {},
): string {
  mkdirSync(path, { recursive: true });
  const file = (packed: Packed): string => `file:${packed.tarball}`;
  const manifest = {
    name: 'consumer',
    version: '0.0.0',
    private: true,
    type: 'module',
    dependencies: {
      ...Object.fromEntries(dependencies.map((packed) => [packed.name, file(packed)])),
      ...extra,
    },
    overrides: Object.fromEntries(
      all.filter((packed) => !dependencies.includes(packed)).map((packed) => [packed.name, file(packed)]),
    ),
  };
  writeFileSync(join(path, 'package.json'), JSON.stringify(manifest, null, 2));
  return path;
}

export async function npmInstall(cwd: string, node: readonly string[] = []): Promise<void> {
  const args = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts'];
  const [program, ...first] = [...node, ...(node.length === 0 ? ['npm'] : [])];
  assert(program, 'no program to install with');
  await run(program, [...first, ...args], { cwd });
}
