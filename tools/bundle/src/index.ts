import { mkdir, mkdtemp } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

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
 * Makes one JavaScript file of a program in TypeScript, as a published package would run: it starts several times faster, and closures
 * are not redefined to keep their names, which a benchmark would measure along. Returns its path. `folder` unset: a new temporary
 * one that holds nothing else; the caller removes it.
 */
export async function bundleProgram(entry: URL, folder?: string): Promise<string> {
  const source = fileURLToPath(entry);
  const place = folder ?? (await mkdtemp(join(tmpdir(), 'shoal-bundle-')));
  await mkdir(place, { recursive: true });
  const file = join(place, basename(source).replace(/\.ts$/, '.mjs'));
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
