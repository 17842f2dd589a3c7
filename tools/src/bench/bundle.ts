import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/bench/', import.meta.url));

/** A package with a native part is imported from where it is installed for the package that needs it. */
const nativeStaysInPlace: Plugin = {
  name: 'native-stays-in-place',
  setup(build) {
    build.onResolve({ filter: /^classic-level$/ }, ({ path, importer }) => ({
      path: pathToFileURL(createRequire(importer).resolve(path)).href,
      external: true,
    }));
  },
};

/**
 * Makes one JavaScript file of a program in TypeScript, as a published package would run. The loader that runs the sources in
 * development keeps the names of functions by redefining each closure when it is made, which would be measured along.
 */
export async function bundle(entry: URL, name = 'worker.mjs'): Promise<string> {
  const source = fileURLToPath(entry);
  const file = join(CACHE, dirname(source).split('/').at(-1)!, name);
  await mkdir(dirname(file), { recursive: true });
  await build({
    entryPoints: [source],
    outfile: file,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    conditions: ['@shoal/source'],
    banner: {
      js: "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);",
    },
    plugins: [nativeStaysInPlace],
    external: ['bufferutil', 'utf-8-validate'],
    logLevel: 'error',
  });
  return file;
}
