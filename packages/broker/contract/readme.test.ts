import { readFile } from 'node:fs/promises';

import { describe, expect, it } from 'vitest';

import { defaultLimits, type BrokerErrorCode } from '../src/index.ts';
import { Reason } from '../src/core/reason-codes.ts';

const CODES: Record<BrokerErrorCode, true> = {
  'invalid-options': true,
  'already-started': true,
  'listen-failed': true,
  'store-open-failed': true,
  'store-version-unknown': true,
};

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');

describe('the README', () => {
  it('shows the example, and the example runs', async () => {
    const example = await readFile(new URL('../examples/embedded.ts', import.meta.url), 'utf8');
    expect(readme).toContain(`\`\`\`ts\n${example}\`\`\``);
    await expect(import('../examples/embedded.ts')).resolves.toBeDefined();
  });

  it('has a row for every error code', () => {
    for (const code of Object.keys(CODES)) expect(readme).toMatch(new RegExp(`^\\| \`${code}\` +\\|`, 'm'));
  });

  it('has every limit', () => {
    for (const limit of Object.keys(defaultLimits))
      expect(readme).toMatch(new RegExp(`^\\|.*\`${limit}\``, 'm'));
  });

  it('explains every reason code that a client can see', () => {
    const unseen: readonly number[] = [0x00, 0x04, 0x11, 0x80, 0x83, 0x91];
    const table = readme.slice(readme.indexOf('What a client sees'));
    const seen = Object.values(Reason).filter((code) => !unseen.includes(code));
    for (const code of seen) expect(table).toContain(`0x${code.toString(16).toUpperCase()}`);
  });
});
