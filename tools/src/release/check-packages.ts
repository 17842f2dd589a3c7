import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBroker } from '@shoal/broker';
import { run } from '../ci/run-command.ts';
import { bundleForBrowsers } from './browsers.ts';
import { compileExamples, runExamples } from './examples.ts';
import { useWith } from './nodes.ts';
import { consumer, npmInstall, packAll, PNPM, type Packed } from './pack.ts';
import { billOfMaterials, BUDGETS, checkSize, checkTypes, lintPackage } from './quality.ts';
import { useTemplates } from './templates.ts';

export interface CheckPackagesOptions {
  /** Major versions of Node beside the one that runs this. */
  readonly nodes: readonly string[];
  /** Run the examples of the READMEs on each of them too, not on the present one alone. */
  readonly examplesOnAll: boolean;
  /** Where the SBOMs go. */
  readonly sboms: string;
}

/** Packages that are looked at at once. */
const AT_ONCE = 2;

/**
 * Packs every package as it would be published and uses the tarballs from outside: each is linted, has the types it promises, is no
 * larger than it may be, installs and imports alone in an empty project, and brings nothing under another licence; together they
 * compile a consumer with `skipLibCheck: false`, bundle for browsers, and every `ts` example of their READMEs runs. Each template of
 * `create-shoal` becomes a project that installs, compiles, passes its test and starts.
 */
export async function checkPackages({ nodes, examplesOnAll, sboms }: CheckPackagesOptions): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'shoal-pack-'));
  const broker = createBroker({ allowAnonymous: true });
  try {
    await run('npx', [...PNPM, 'run', 'build']);
    const packages = await packAll(work);
    const budgets = JSON.parse(readFileSync(BUDGETS, 'utf8')) as Record<string, number>;
    const left = [...packages];
    const next = async (): Promise<void> => {
      for (let packed = left.shift(); packed !== undefined; packed = left.shift())
        await checkAlone(packed, { packages, work, budgets, sboms });
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
    const { tcp } = await broker.start();
    const compiled = await compileExamples(work, packages, tcp?.url ?? '');
    await runExamples(compiled);
    await bundleForBrowsers(compiled.cwd);
    await useTemplates(work, packages, tcp?.url ?? '');
    for (const version of nodes) await useWith(version, work, packages, compiled, examplesOnAll);
    console.log(`${packages.length} packages packed, checked, installed and used`);
  } finally {
    await broker.stop();
    rmSync(work, { recursive: true, force: true });
  }
}

interface Surroundings {
  readonly packages: readonly Packed[];
  readonly work: string;
  readonly budgets: Readonly<Record<string, number>>;
  readonly sboms: string;
}

async function checkAlone(packed: Packed, { packages, work, budgets, sboms }: Surroundings): Promise<void> {
  const size = checkSize(packed, budgets);
  await lintPackage(packed);
  await checkTypes(packed);
  const cwd = consumer(join(work, `alone-${packed.short}`), [packed], packages);
  await npmInstall(cwd);
  const script = `const names = Object.keys(await import('${packed.name}')); if (names.length === 0) throw new Error('no exports');`;
  await run(process.execPath, ['--input-type=module', '-e', script], { cwd });
  const brought = await billOfMaterials(packed, cwd, sboms);
  console.log(`${packed.name}: ${size}, brings ${brought} packages, installs and imports alone`);
}
