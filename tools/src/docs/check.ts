/**
 * `pnpm docs:check`: what the pages promise holds. `ts` blocks of a page compile and run in their order, beside each other, on a broker of
 * their own, and write what the `text` block below them says (`…` stands for anything). `json` and `yaml` blocks parse. Commands of `sh`
 * blocks are scripts of this repository or commands of its CLI, and links and files that pages name are there.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createBroker } from '@shoal/broker';
import { parse } from 'yaml';
import { assert, ROOT, run, sourceArgs, startCommand, type RunningCommand } from '../ci/run-command.ts';
import { blocksOf, where, within, type Block } from './blocks.ts';

/** The READMEs of packages are compiled and run from their tarballs: see `check-packages`. */
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...within('docs').filter((page) => page.endsWith('.md')),
];
const READMES = [...within('packages'), ...within('apps'), 'protocol', 'protocol/go', 'protocol/python']
  .map((folder) => `${folder}/README.md`)
  .filter((page) => existsSync(join(ROOT, page)));
const LINKED = [...PAGES, ...READMES];
const PROMISED_WITHIN_MS = 90_000;
const FOLDER = join(ROOT, 'tools/.cache/docs');

let programs = 0;
for (const page of PAGES) programs += await checkPage(page);
for (const page of LINKED) checkLinks(page);
console.log(
  `${PAGES.length} pages: ${programs} programs run, blocks parse, commands exist; links of ${LINKED.length} pages lead somewhere`,
);

async function checkPage(page: string): Promise<number> {
  const blocks = blocksOf(page);
  for (const block of blocks) checkData(block);
  const programs = blocks.filter(({ language }) => language === 'ts');
  if (programs.length > 0) await runAll(blocks);
  return programs.length;
}

function checkData(block: Block): void {
  try {
    if (block.language === 'json') JSON.parse(block.code);
    if (block.language === 'yaml') parse(block.code);
  } catch (error) {
    throw new Error(`${where(block)}: ${String(error)}`, { cause: error });
  }
  if (block.language === 'sh') for (const line of block.code.split('\n')) checkCommand(line, block);
}

function checkCommand(line: string, block: Block): void {
  const [, command = ''] = /^(?:npx -y pnpm@[\d.]+|pnpm) (?:run )?([\w:-]+)/.exec(line) ?? [];
  if (command === '') return;
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
  const own = ['install', 'create', 'exec', 'add', ...Object.keys(scripts)];
  assert(own.includes(command), `${where(block)}: pnpm ${command} is no script of this repository`);
}

/** Starts one after the other; one that has said what it is to say first is left running. */
async function runAll(blocks: readonly Block[]): Promise<void> {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  const files = blocks.flatMap((block, index) =>
    block.language === 'ts' ? [writeProgram(block, index)] : [],
  );
  writeFileSync(
    join(FOLDER, 'tsconfig.json'),
    JSON.stringify({ extends: '../../tsconfig.json', include: ['*.ts'] }),
  );
  await run('npx', ['tsc', '--noEmit', '-p', FOLDER]);
  const broker = createBroker({ allowAnonymous: true });
  const { tcp } = await broker.start();
  const env = { ...process.env, SHOAL_BROKER_URL: tcp?.url ?? '' };
  const running: (readonly [RunningCommand, readonly RegExp[], Block])[] = [];
  try {
    for (const { file, block, promised } of files) {
      const program = startCommand(process.execPath, sourceArgs(file), {
        env,
        timeoutMs: PROMISED_WITHIN_MS,
      });
      running.push([program, promised, block]);
      await says(program, promised.slice(0, 1), block);
    }
    for (const [program, promised, block] of running) await says(program, promised, block);
  } finally {
    for (const [{ child, done }] of running) {
      child.kill('SIGKILL');
      await done;
    }
    await broker.stop();
    rmSync(FOLDER, { recursive: true, force: true });
  }

  function writeProgram(block: Block, index: number) {
    const file = join(FOLDER, `block-${index}.ts`);
    writeFileSync(file, block.code);
    const next = blocks[index + 1];
    const promised = next?.language === 'text' ? next.code.trim().split('\n').map(pattern) : [];
    return { file, block, promised };
  }
}

function pattern(line: string): RegExp {
  return new RegExp(
    line
      .split('…')
      .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*'),
    'm',
  );
}

async function says(program: RunningCommand, promised: readonly RegExp[], block: Block): Promise<void> {
  const { child } = program;
  for (const each of promised) {
    while (!each.test(program.output().stdout)) {
      const ended = child.exitCode !== null || child.signalCode !== null;
      assert(
        !ended,
        `${where(block)} ended without saying ${each.source}\n${JSON.stringify(program.output())}`,
      );
      await delay(50);
    }
  }
  const ended = child.exitCode ?? 0;
  assert(ended === 0, `${where(block)} ended with ${ended}\n${program.output().stderr}`);
}

function checkLinks(page: string): void {
  const text = readFileSync(join(ROOT, page), 'utf8').replaceAll(/^```[\s\S]*?^```$/gm, '');
  for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^(https?:|mailto:|#)/.test(target)) continue;
    const file = join(ROOT, dirname(page), target.replace(/#.*$/, ''));
    assert(existsSync(file), `${page} links to ${relative(ROOT, file)}, which is not there`);
  }
}
