import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { UsageError } from '../cli/options.ts';

const PACKAGE = 'node-llama-cpp';

/**
 * The URL of `node-llama-cpp`, an optional package that is looked for from the working directory and from here: the fleet's processes run
 * from a bundle in a folder of its own, from which Node would not find it. Throws UsageError when it is not installed.
 */
export function findLlama(from: readonly string[] = [process.cwd(), fileURLToPath(import.meta.url)]): string {
  for (const place of from) {
    const { resolve } = createRequire(join(place, 'index.js'));
    for (const folder of resolve.paths(PACKAGE) ?? []) {
      try {
        return pathToFileURL(createRequire(join(folder, 'index.js')).resolve(`./${PACKAGE}/dist/index.js`))
          .href;
      } catch {
        // Not in this folder.
      }
    }
  }
  throw new UsageError(
    `--model, and --reasoner with kind "llama", need the package ${PACKAGE}, which is not installed: pnpm add -w ${PACKAGE}@3, or see apps/fleet/README.md`,
  );
}
