import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StaticServer } from '../serve/static-server.ts';
import { chromiumPath, launchBrowser, signIn, visit, type Visit } from './browser.ts';
import { startMosquittoBroker } from './mosquitto-broker.ts';
import { openSite } from './open-site.ts';
import { embeddedBroker, startStage, type Stage, type StageBroker } from './stage.ts';

const BROKERS = [
  ['the embedded broker', embeddedBroker],
  ['Mosquitto', startMosquittoBroker],
] as const;

describe.skipIf(chromiumPath === undefined).each(BROKERS)('requests and cards on %s', (name, start) => {
  let broker: StageBroker | undefined;
  let stage: Stage;
  let site: StaticServer;
  let browser: Browser;
  let visited: Visit;
  let page: Page;

  beforeAll(async () => {
    broker = await start();
    if (broker === undefined) return;
    stage = await startStage(broker);
    site = await openSite(broker.wsUrl);
    browser = await launchBrowser();
    visited = await visit(browser, site.url);
    page = visited.page;
    await signIn(page);
  });
  afterAll(async () => {
    await browser?.close();
    await site?.stop();
    await stage?.stop();
    await broker?.stop();
  });

  it('asks, streams, shows every kind of artifact, and runs none of it', async ({ skip }) => {
    if (broker === undefined) return skip('Mosquitto is not installed');
    await page.goto(`${site.url}#/requests/artist`);
    await page.getByLabel('Message').fill('draw');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('completed', { exact: true }).first().waitFor();
    await page.getByRole('heading', { name: 'Findings' }).waitFor();
    await page.getByRole('cell', { name: 'SEAL-25' }).waitFor();
    await page.getByText('sharpening pencils').waitFor();
    for (const picture of await page.locator('img.picture').all())
      await expect
        .poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth))
        .toBeGreaterThan(0);
    const foreign = page.locator('.artifact');
    expect(
      await foreign.locator('script, style, iframe, form, input, object, embed, svg, math').count(),
    ).toBe(0);
    expect(
      await foreign.locator('[onerror], [onclick], [onload], [style], a[href^="javascript"]').count(),
    ).toBe(0);
    expect(await foreign.getByRole('link', { name: 'the manual' }).getAttribute('rel')).toContain('noopener');
    expect(await page.evaluate(() => 'pwned' in window)).toBe(false);
    return undefined;
  });

  it('follows up in the same context', async ({ skip }) => {
    if (broker === undefined) return skip('Mosquitto is not installed');
    await page.getByLabel('Follow up, in the same context').fill('context?');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('2 tasks of this context').waitFor();
    return undefined;
  });

  it('answers a task that asks', async ({ skip }) => {
    if (broker === undefined) return skip('Mosquitto is not installed');
    await page.getByRole('button', { name: 'New request' }).click();
    await page.getByLabel('Agent', { exact: true }).fill('artist');
    await page.getByLabel('Message').fill('ask me');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('Which colour?').waitFor();
    await page.getByLabel('Your answer').fill('blue');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('You said: blue').waitFor();
    return undefined;
  });

  it('says what became of a request to nobody', async ({ skip }) => {
    if (broker === undefined) return skip('Mosquitto is not installed');
    await page.getByRole('button', { name: 'New request' }).click();
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('Which agent?').waitFor();
    await page.getByLabel('Agent', { exact: true }).fill('nobody');
    await page.getByLabel('Message').fill('hello');
    await page.getByLabel('Stream progress').uncheck();
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('.turn-error').waitFor();
    return undefined;
  });

  it('registers a card, finds what is wrong with one, and deletes it', async ({ skip }) => {
    if (broker === undefined) return skip('Mosquitto is not installed');
    await page.goto(`${site.url}#/registry/new`);
    const text = page.getByLabel('Agent Card (JSON)');
    const good = await text.inputValue();
    await text.fill(good.replace('"tags"', '"tagz"'));
    await page.locator('.draft').getByText(/tags/).first().waitFor();
    expect(await page.getByRole('button', { name: 'Register …' }).isDisabled()).toBe(true);
    await text.fill(good);
    await page.getByLabel('Agent id').fill('by-hand');
    await page.getByRole('button', { name: 'Register …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Register' }).click();
    await page.locator('.page-note', { hasText: 'by-hand' }).waitFor();
    await page.getByText('not signed').waitFor();
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete the card' }).click();
    await page.getByRole('heading', { name: 'Registry' }).waitFor();
    await page.getByRole('link', { name: 'by-hand' }).waitFor({ state: 'detached' });
    return undefined;
  });

  it('does not take a running agent its card', async ({ skip }) => {
    if (broker === undefined || name === 'Mosquitto') return skip('Mosquitto lets anybody delete a card');
    await page.goto(`${site.url}#/registry/card/artist`);
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete the card' }).click();
    await page
      .getByRole('alert')
      .getByText(/stop the agent first/)
      .waitFor();
    await page.keyboard.press('Escape');
    expect(visited.problems).toEqual([]);
    return undefined;
  });
});
