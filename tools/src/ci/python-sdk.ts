import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, run } from './run-command.ts';

const VERSION = '0.1.0';
const VENV = join(ROOT, '.cache/python-sdk');

/** Installs the profile's own Python SDK into a virtual environment, and returns its interpreter. */
export async function installPythonSdk(): Promise<string> {
  const python = join(VENV, 'bin/python');
  if (!existsSync(python)) await run('python3', ['-m', 'venv', VENV]);
  const wanted = `a2a-over-mqtt==${VERSION}`;
  await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', wanted]);
  return python;
}
