import { join } from 'node:path';
import { checkPackages } from '../release/check-packages.ts';
import { ROOT } from './run-command.ts';

// The newest line that is supported for long; `pnpm release --check` asks all.
await checkPackages({ nodes: ['24'], examplesOnAll: false, sboms: join(ROOT, '.cache/sbom') });
