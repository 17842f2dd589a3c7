import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import type { WorkOrder } from '@shoal/protocol';
import { expect, it } from 'vitest';
import { renderWorkOrder } from './render-html.ts';

const order = JSON.parse(
  readFileSync(
    new URL('../../../../protocol/examples/valid/WorkOrder/replaces-a-bearing.json', import.meta.url),
    'utf8',
  ),
) as WorkOrder;

it('has everything that somebody at the machine needs', () => {
  const page = renderWorkOrder(order);
  for (const needed of [
    'WO-79418A73',
    'Replace the drive-end bearing',
    'pump-02, north',
    '2026-03-02 22:00 to 2026-03-03 02:00 (UTC)',
    'N. Okafor (t-okafor)',
    'BRG-6205-2RS',
    'runs at 1258 rpm',
    'pump-01 (up to 61 %)',
    'BPFI and harmonics stand 20.8 dB',
    '@media print',
  ])
    expect(page).toContain(needed);
});

it('fetches nothing and runs nothing', () => {
  const page = renderWorkOrder(order);
  expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
  expect(page).not.toMatch(/<script|<link|<img|<iframe|https?:|url\(|@import/);
});

it('takes whatever comes from elsewhere as text', () => {
  const tags = (page: string): string[] => [...page.matchAll(/<\/?[a-z!][^>]*>/gi)].map(([tag]) => tag);
  const expected = tags(renderWorkOrder(order));
  const nasty = fc.oneof(
    fc.string(),
    fc.constantFrom(
      '<script>alert(1)</script>',
      '"><img src=x onerror=y>',
      '</td></table>',
      '&lt;',
      '\u202Egnp.exe',
      "' onload='",
    ),
  );
  fc.assert(
    fc.property(nasty, (text) => {
      const page = renderWorkOrder({
        ...order,
        action: text,
        deviceId: text,
        finding: { ...order.finding, verdict: text, evidence: [text] },
        reasons: [text],
        rejected: [text],
        assumptions: [text],
        technicians: [{ id: text, name: text }],
        parts: [{ ...order.parts[0]!, name: text, sku: text }],
      });
      const found = tags(page);
      // The order has no assumption of its own; here it has one.
      expect(found.filter((tag) => !/^<\/?(ul|li|p)>$/.test(tag))).toEqual(
        expected.filter((tag) => !/^<\/?(ul|li|p)>$/.test(tag)),
      );
      expect(page).not.toContain('\u202E');
    }),
  );
});
