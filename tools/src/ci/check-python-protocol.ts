import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert, ROOT, run } from './run-command.ts';

/**
 * The Python package as it is installed: its generated part is up to date, it lints, type-checks, and does with every example and
 * vector what the TypeScript package does. The example of its README runs.
 */
const cwd = join(ROOT, 'protocol/python');
const venv = join(ROOT, '.cache/python-protocol');
const python = join(venv, 'bin/python');

if (!existsSync(python)) await run('python3', ['-m', 'venv', venv]);
const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
await run(python, [...pip, '-r', 'requirements-dev.txt'], { cwd });
await run(python, [...pip, '--force-reinstall', '--no-deps', '.'], { cwd });
await run(python, ['generate.py', '--check'], { cwd });
await run(python, ['-m', 'ruff', 'format', '--check', '.'], { cwd });
await run(python, ['-m', 'ruff', 'check', '.'], { cwd });
await run(python, ['-m', 'mypy'], { cwd });
const { stdout } = await run(python, ['-m', 'pytest'], { cwd });
console.log(stdout.trim().split('\n').at(-1));
const readme = readFileSync(join(cwd, 'README.md'), 'utf8');
const [, example] = /^```python\n([\s\S]*?)^```$/m.exec(readme) ?? [];
assert(example, 'the README of the Python package has no example');
const printed = (await run(python, ['-c', example])).stdout.trim().split('\n');
const promised = [...example.matchAll(/^\s*print\(.*\) {2}# (.*)$/gm)].map((match) => match[1]);
assert(promised.length > 0, 'the example says nothing of what it prints');
assert(
  JSON.stringify(printed) === JSON.stringify(promised),
  `the README promises ${JSON.stringify(promised)}, its example prints ${JSON.stringify(printed)}`,
);
