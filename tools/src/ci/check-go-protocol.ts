import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, ROOT, run } from './run-command.ts';

/** The Go module: generated types are up to date, gofmt and vet have no complaint, and it does with examples and vectors what TypeScript does. */
const cwd = join(ROOT, 'protocol/go');

const unformatted = (await run('gofmt', ['-l', '.'], { cwd })).stdout.trim();
assert(unformatted === '', `gofmt would change ${unformatted}`);
await run('go', ['vet', './...'], { cwd });
console.log((await run('go', ['test', '-count=1', './...'], { cwd })).stdout.trim());

const copy = mkdtempSync(join(tmpdir(), 'shoal-go-'));
try {
  for (const file of readdirSync(cwd)) copyFileSync(join(cwd, file), join(copy, file));
  await run('go', ['generate', './...'], { cwd: copy });
  const same = readFileSync(join(copy, 'models.go'), 'utf8') === readFileSync(join(cwd, 'models.go'), 'utf8');
  assert(same, 'protocol/go/models.go is stale: run go generate ./... there');
  // As its README says: whoever publishes the module names its address in go.mod and nowhere else.
  const address = 'example.com/acme/shoal/protocol/go';
  await run('go', ['mod', 'edit', '-module', address], { cwd: copy });
  await run('go', ['vet', './...'], { cwd: copy });
  await useAs(address, copy);
  await useAs('shoal/protocol', cwd);
} finally {
  rmSync(copy, { recursive: true, force: true });
}

/** A program of somebody else, with a checkout of the module. */
async function useAs(path: string, checkout: string): Promise<void> {
  const folder = join(copy, 'consumer');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'go.mod'), 'module consumer\n\ngo 1.23\n');
  writeFileSync(
    join(folder, 'main.go'),
    `package main\n\nimport protocol "${path}"\n\nfunc main() { println(protocol.IsIdentifier("pump-01")) }\n`,
  );
  await run('go', ['mod', 'edit', '-require', `${path}@v0.0.0`, '-replace', `${path}=${checkout}`], {
    cwd: folder,
  });
  await run('go', ['mod', 'tidy'], { cwd: folder });
  const { stderr } = await run('go', ['run', '.'], { cwd: folder });
  assert(stderr.trim() === 'true', `a consumer of ${path} says ${stderr}`);
}
