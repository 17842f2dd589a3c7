import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { launchBrowser, signIn, visit } from './browser.ts';

/**
 * The pictures of the READMEs, from a console that is open: `pnpm dev --step-seconds 12`, then
 * `node --conditions=@shoal/source --import tsx apps/console/test/take-pictures.ts --url http://… --out docs/images --page fleet`.
 */
const { values } = parseArgs({
  options: {
    url: { type: 'string', default: '' },
    out: { type: 'string', default: 'docs/images' },
    page: { type: 'string', multiple: true, default: [] },
    theme: { type: 'string', default: 'light' },
    width: { type: 'string', default: '1200' },
    height: { type: 'string', default: '760' },
  },
});

const PAGES: Readonly<Record<string, (page: Page) => Promise<unknown>>> = {
  fleet: (page) => page.getByRole('row', { name: /pump-01/ }).waitFor(),
  device: async (page) => {
    const row = page.getByRole('row', { name: /pump-02/ });
    await row.getByRole('link').first().click();
    await page.getByText('departs from normal').first().waitFor({ timeout: 120_000 });
  },
  session: async (page) => {
    await page.getByRole('link', { name: /^Sessions/ }).click();
    await page.getByRole('link', { name: 'predictive-maintenance' }).first().click({ timeout: 120_000 });
    await page.locator('.react-flow__node').first().waitFor();
  },
  recovering: async (page) => {
    await PAGES['session']?.(page);
    await page.locator('.react-flow__node').getByText('attempt 2').first().waitFor({ timeout: 120_000 });
    await page
      .getByText(/diagnose.* at work/)
      .first()
      .waitFor();
  },
  order: async (page) => {
    await page.getByRole('link', { name: /^Requests/ }).click();
    await page.getByLabel('Agent', { exact: true }).fill('predictive-maintenance');
    await page.getByLabel('Message').fill('Pump 2 sounds rough since this morning. What does it need?');
    await page.getByText('Data', { exact: true }).click();
    await page.getByLabel('Data (JSON)').fill(JSON.stringify(REQUEST));
    await page.getByRole('button', { name: 'Send' }).click();
    const order = page.getByRole('region', { name: /to print/ }).last();
    await order.waitFor({ timeout: 120_000 });
    await order.evaluate((element) => window.scrollBy(0, element.getBoundingClientRect().top - 70));
  },
  operations: async (page) => {
    await page.getByRole('link', { name: /^Operations/ }).click();
    await page.getByRole('row', { name: /pump-01/ }).waitFor();
  },
};

const REQUEST = {
  deviceId: 'pump-02',
  agentId: 'pump-02',
  detectedAt: '2026-03-02T09:30:00.000Z',
  evidence: { seenBy: 'N. Okafor', what: 'rough sound' },
};

mkdirSync(values.out, { recursive: true });
const browser = await launchBrowser();
const theme = values.theme === 'dark' ? 'dark' : 'light';
for (const name of values.page) {
  const { page } = await visit(browser, values.url, {
    theme,
    width: Number(values.width),
    height: Number(values.height),
  });
  await signIn(page, { org: 'acme', unit: 'plant-1' });
  await PAGES[name]?.(page);
  const path = join(values.out, `console-${name}${theme === 'dark' ? '-dark' : ''}.png`);
  await page.screenshot({ path });
  console.log(path);
}
await browser.close();
