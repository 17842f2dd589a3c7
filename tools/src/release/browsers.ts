import { build } from 'esbuild';
import { gzipSync } from 'node:zlib';
import { assert } from '../ci/run-command.ts';

/** What promises to run in a browser, and how many KiB all of it may be, minified and gzipped. */
const BROWSER_KIB: Readonly<Record<string, number>> = {
  '@shoal/protocol': 60,
  '@shoal/mqtt-link': 170,
  '@shoal/registry-client': 100,
  '@shoal/agent-sdk': 250,
  '@shoal/mcp-mqtt': 300,
};

/** It bundles for a browser as it is published, nothing of Node is left over, and it is no larger than it may be. */
export async function bundleForBrowsers(resolveDir: string): Promise<void> {
  for (const [name, limit] of Object.entries(BROWSER_KIB)) {
    const { metafile, outputFiles } = await build({
      stdin: { contents: `export * from '${name}';`, resolveDir },
      bundle: true,
      minify: true,
      platform: 'browser',
      format: 'esm',
      write: false,
      metafile: true,
      logLevel: 'silent',
    });
    const left = Object.values(metafile.outputs).flatMap(({ imports }) => imports);
    assert(left.length === 0, `${name} for browsers still imports ${JSON.stringify(left)}`);
    const kib = Math.ceil(gzipSync(outputFiles[0]?.contents ?? '').length / 1024);
    assert(kib <= limit, `${name} for browsers is ${kib} KiB gzipped; its budget is ${limit} KiB`);
    console.log(`${name} bundles for browsers, ${kib} of ${limit} KiB`);
  }
}
