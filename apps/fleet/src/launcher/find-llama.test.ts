import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { UsageError } from '../cli/options.ts';
import { findLlama } from './find-llama.ts';

it('finds the package above the folder, and says how to install it where there is none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-llama-'));
  const inside = join(folder, 'a/b');
  mkdirSync(inside, { recursive: true });
  try {
    expect(() => findLlama([inside])).toThrow(UsageError);
    expect(() => findLlama([inside])).toThrow(/pnpm add -w node-llama-cpp/);
    const dist = join(folder, 'node_modules/node-llama-cpp/dist');
    mkdirSync(dist, { recursive: true });
    writeFileSync(join(dist, 'index.js'), 'export {};');
    expect(findLlama([join(folder, 'elsewhere'), inside])).toBe(pathToFileURL(join(dist, 'index.js')).href);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
