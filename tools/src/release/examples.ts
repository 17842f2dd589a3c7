import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { assert, ROOT, run, startCommand, type RunningCommand } from '../ci/run-command.ts';
import { blocksOf } from '../docs/blocks.ts';
import { consumer, npmInstall, type Packed } from './pack.ts';

/** Examples that serve something and run on: after this they count as running. */
const SERVES_AFTER_MS = 6_000;
const SERVING = new Set(['agent-sdk-1']);
/** Within which every other one has to end by itself. */
const ENDS_WITHIN_MS = 60_000;

export interface Consumer {
  readonly cwd: string;
  /** Names of `out/{name}.js`. */
  readonly examples: readonly string[];
}

/** A project with all packages, in which every `ts` block of their READMEs compiles with `skipLibCheck: false`. */
export async function compileExamples(
  work: string,
  packages: readonly Packed[],
  url: string,
): Promise<Consumer> {
  const compiler = { typescript: catalogVersion('typescript'), '@types/node': catalogVersion('@types/node') };
  const cwd = consumer(join(work, 'together'), packages, packages, compiler);
  await npmInstall(cwd);
  const examples = packages.flatMap((packed) => writeBlocks(cwd, packed, url));
  const compilerOptions = {
    target: 'es2022',
    module: 'nodenext',
    strict: true,
    skipLibCheck: false,
    types: ['node'],
    outDir: 'out',
  };
  writeFileSync(join(cwd, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], { cwd });
  return { cwd, examples };
}

function writeBlocks(cwd: string, { name, short, folder }: Packed, url: string): string[] {
  const blocks = blocksOf(`${folder}/README.md`).filter(({ language }) => language === 'ts');
  assert(blocks.length > 0, `${name}: the README has no runnable example (a \`\`\`ts block)`);
  return blocks.map(({ code }, index) => {
    const file = `${short}-${index + 1}`;
    writeFileSync(join(cwd, `${file}.ts`), onFreePorts(code, url));
    return file;
  });
}

/** Runs them in turn; those that serve something serve those after them. */
export async function runExamples({ cwd, examples }: Consumer, node = process.execPath): Promise<void> {
  const serving: RunningCommand[] = [];
  for (const example of examples) {
    const running = await runExample(example, cwd, node);
    if (running !== undefined) serving.push(running);
  }
  for (const { child, done } of serving) {
    child.kill('SIGKILL');
    await done;
  }
}

/** Runs an example to its end. One that serves something is left running for those after it, and returned. */
async function runExample(example: string, cwd: string, node: string): Promise<RunningCommand | undefined> {
  const running = startCommand(node, [`out/${example}.js`], { cwd });
  const serves = SERVING.has(example);
  const waited = new AbortController();
  const limit = delay(serves ? SERVES_AFTER_MS : ENDS_WITHIN_MS, undefined, { signal: waited.signal });
  const result = await Promise.race([running.done, limit]);
  waited.abort();
  const { stdout, stderr } = running.output();
  const fine = result === undefined ? serves && stderr === '' : !serves && result.code === 0;
  assert(
    fine,
    `README example ${example}: ${result?.signal ?? result?.code ?? (serves ? 'runs, with errors' : 'does not end')}\n${stdout}\n${stderr}`,
  );
  console.log(`README example ${example} ${result === undefined ? 'serves' : 'runs'}`);
  return result === undefined ? running : undefined;
}

/** The examples name the usual ports; a check takes free ones. */
function onFreePorts(block: string, url: string): string {
  return block.replaceAll('mqtt://127.0.0.1:1883', url).replaceAll(/port: (1883|8083)/g, 'port: 0');
}

/** The version that the workspace itself uses. */
function catalogVersion(name: string): string {
  const catalog = readFileSync(join(ROOT, 'pnpm-workspace.yaml'), 'utf8');
  const version = new RegExp(`^ {2}["']?${name}["']?: (\\S+)$`, 'm').exec(catalog)?.[1];
  assert(version, `pnpm-workspace.yaml has no catalog entry for ${name}`);
  return version;
}
