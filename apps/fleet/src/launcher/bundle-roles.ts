import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROLES = fileURLToPath(new URL('../roles/main.ts', import.meta.url));

/**
 * Bundles the program of the fleet's processes into `folder` and returns its path. A process that is compiled while it loads takes a
 * second of a core to start; a bundle takes a tenth, and a fleet starts dozens, most of them because another one died.
 */
export async function bundleRoles(folder: string): Promise<string> {
  await build({
    entryPoints: { main: ROLES },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['@shoal/source'],
    // CommonJS dependencies call require for Node's own modules.
    banner: {
      js: "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);",
    },
    // Finds its native addon beside itself; only the broker's process loads it.
    external: ['classic-level'],
    logLevel: 'warning',
  });
  return join(folder, 'main.mjs');
}
