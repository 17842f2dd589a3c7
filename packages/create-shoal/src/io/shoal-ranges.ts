import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Whence a generated project gets the packages of Shoal. */
export interface ShoalRanges {
  readonly ranges: Readonly<Record<string, string>>;
  readonly fromSource: boolean;
}

const MANIFEST = new URL('../../package.json', import.meta.url);

/**
 * The ranges of the packages that this one was released with: packing turns `workspace:^` in its own manifest into them. In a checkout
 * of Shoal, where nothing is released, a project links to the packages of the checkout and runs their source.
 */
export function shoalRanges(): ShoalRanges {
  const { devDependencies } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as {
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const own = Object.entries(devDependencies).filter(([name]) => name.startsWith('@shoal/'));
  const inCheckout = own.some(([, range]) => range.startsWith('workspace:'));
  if (!inCheckout) return { ranges: Object.fromEntries(own), fromSource: false };
  return {
    ranges: Object.fromEntries(own.map(([name]) => [name, `link:${folderOf(name.replace('@shoal/', ''))}`])),
    fromSource: true,
  };
}

function folderOf(name: string): string {
  const beside = fileURLToPath(new URL(`../../../${name}`, import.meta.url));
  return existsSync(beside) ? beside : fileURLToPath(new URL(`../../../../${name}`, import.meta.url));
}
