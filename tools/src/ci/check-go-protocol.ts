import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
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
} finally {
  rmSync(copy, { recursive: true, force: true });
}
