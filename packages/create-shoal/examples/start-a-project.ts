import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scaffold } from 'create-shoal';

const directory = join(mkdtempSync(join(tmpdir(), 'shoal-')), 'pump-inspector');
const { files } = scaffold('agent', { name: 'pump-inspector', directory, org: 'acme', unit: 'plant-1' });
console.log(`${directory}:\n  ${files.join('\n  ')}`);
