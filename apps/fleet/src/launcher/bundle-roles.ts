import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

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
    plugins: [leftInPlace('libsql')],
    logLevel: 'warning',
  });
  return join(folder, 'main.mjs');
}

/** A package with a native addon is loaded from where it is installed: the bundle lies in a folder of its own, and finds none from there. */
function leftInPlace(name: string): Plugin {
  return {
    name: `${name} in place`,
    setup(bundler) {
      bundler.onResolve({ filter: new RegExp(`^${name}$`) }, ({ importer }) => ({
        path: pathToFileURL(createRequire(importer).resolve(name)).href,
        external: true,
      }));
    },
  };
}
