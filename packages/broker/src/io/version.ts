import { createRequire } from 'node:module';

/** The version of this package; `unknown` in a bundle, which carries no package.json. */
export const VERSION = readVersion();

function readVersion(): string {
  try {
    // The same path from src and from dist.
    return (createRequire(import.meta.url)('../../package.json') as { version: string }).version;
  } catch {
    return 'unknown';
  }
}
