import { expect, it } from 'vitest';
import { Correlations } from './correlations.ts';

it('correlations are ASCII, never repeat, and are known to their maker alone', () => {
  const mine = new Correlations();
  const made = Array.from({ length: 2_000 }, () => mine.next());
  const texts = new Set(made.map((bytes) => Buffer.from(bytes).toString('latin1')));
  expect(texts.size).toBe(2_000);
  for (const text of texts) expect(text).toMatch(/^[0-9a-v]{21}$/);
  expect(made.every((bytes) => mine.isOurs(bytes))).toBe(true);
  expect(made.some((bytes) => new Correlations().isOurs(bytes))).toBe(false);
  const next = new Correlations();
  expect(next.isOurs(next.next())).toBe(true);
  const unmade = Buffer.from(made[0] as Uint8Array);
  unmade.write('vvvvvvv', 14);
  expect(mine.isOurs(unmade)).toBe(false);
});
