/**
 * `pnpm release`: versions and changelogs from the changesets, the build, and every check that a release has to pass. It publishes
 * nothing: CONTRIBUTING.md says how that is done. `--check` leaves versions and changelogs alone.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { assert, ROOT, run } from '../ci/run-command.ts';
import { checkPackages } from './check-packages.ts';
import { NODES } from './nodes.ts';
import { PNPM } from './pack.ts';

const USAGE = `Usage: pnpm release [--check] [--nodes 20,22,24,26]

  --check       only check: leave versions and changelogs as they are
  --nodes LIST  major versions of Node to try beside the one that runs this (default ${NODES.join(',')})
`;

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  options: {
    check: { type: 'boolean', default: false },
    nodes: { type: 'string', default: NODES.join(',') },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write(USAGE);
} else {
  const nodes = values.nodes.split(',').filter((version) => version !== '');
  for (const version of nodes)
    assert(/^\d+$/.test(version), `--nodes takes major versions, not "${version}"`);
  if (!values.check) await version();
  const sboms = join(ROOT, 'release/sbom');
  await checkPackages({ nodes, examplesOnAll: true, sboms });
  console.log(`SBOMs (CycloneDX) are in ${sboms}. Nothing was published: see CONTRIBUTING.md, Releases.`);
}

async function version(): Promise<void> {
  const { stdout } = await run('git', ['status', '--porcelain']);
  assert(stdout === '', 'commit or remove what is changed: a release starts from a clean tree');
  await run('npx', ['changeset', 'version']);
  await run('npx', [...PNPM, 'install', '--no-frozen-lockfile']);
  console.log((await run('git', ['diff', '--stat'])).stdout.trim().split('\n').at(-1));
}
