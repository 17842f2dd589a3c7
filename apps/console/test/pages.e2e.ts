import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StaticServer } from '../serve/static-server.ts';
import { accessibilityFaults, overflowsSideways } from './axe.ts';
import { chromiumPath, launchBrowser, signIn, visit } from './browser.ts';
import { openSite } from './open-site.ts';
import { embeddedBroker, startStage, type Stage, type StageBroker } from './stage.ts';

interface Stop {
  readonly name: string;
  readonly hash: string;
  /** Resolves when the page shows what it is for. */
  readonly ready: (page: Page) => Promise<unknown>;
}

const STOPS: readonly Stop[] = [
  { name: 'fleet', hash: '#/fleet', ready: (page) => page.getByRole('link', { name: 'pump-01' }).waitFor() },
  {
    name: 'device',
    hash: '#/fleet/pump-01',
    ready: async (page) => {
      await page.locator('.uplot canvas').first().waitFor();
      await page.getByText('Set the speed').waitFor();
      await page
        .getByText(/normal [\d.]+ to [\d.]+/)
        .first()
        .waitFor();
    },
  },
  {
    name: 'agent without device',
    hash: '#/fleet/artist',
    ready: (page) => page.getByText('What it does').waitFor(),
  },
  {
    name: 'nobody',
    hash: '#/fleet/nobody',
    ready: (page) => page.getByText('No agent of this name').waitFor(),
  },
  {
    name: 'registry',
    hash: '#/registry',
    ready: (page) => page.getByRole('link', { name: 'artist' }).waitFor(),
  },
  { name: 'card', hash: '#/registry/card/artist', ready: (page) => page.getByText('not signed').waitFor() },
  { name: 'register', hash: '#/registry/new', ready: (page) => page.getByText('No findings.').waitFor() },
  {
    name: 'sessions',
    hash: '#/sessions',
    ready: (page) => page.getByRole('link', { name: 'repair' }).first().waitFor(),
  },
  {
    name: 'session',
    hash: '#/sessions',
    ready: async (page) => {
      await page.getByRole('link', { name: 'repair' }).first().click();
      await page.locator('.react-flow__node').first().waitFor();
      await page
        .getByRole('button', { name: /^diagnose/ })
        .first()
        .click();
      await page.getByText('Instance').waitFor();
    },
  },
  {
    name: 'requests',
    hash: '#/requests/artist',
    ready: async (page) => {
      await page.getByLabel('Message').fill('draw');
      await page.getByRole('button', { name: 'Send' }).click();
      await page.locator('img.picture').nth(1).waitFor();
    },
  },
];

describe.skipIf(chromiumPath === undefined)('every page', () => {
  let broker: StageBroker;
  let stage: Stage;
  let site: StaticServer;
  let browser: Browser;

  beforeAll(async () => {
    broker = await embeddedBroker();
    stage = await startStage(broker);
    site = await openSite(broker.wsUrl);
    browser = await launchBrowser();
    stage.gate.hold('survey');
    await stage.ask('repair');
  });
  afterAll(async () => {
    await browser?.close();
    await site?.stop();
    await stage?.stop();
    await broker?.stop();
  });

  it.each(['light', 'dark'] as const)(
    'has no accessibility fault, breaks no policy and calls nobody, %s',
    async (theme) => {
      const { page, problems, context } = await visit(browser, site.url, { theme });
      await page.getByLabel('Broker').waitFor();
      const faults = (await accessibilityFaults(page)).map((fault) => `login: ${fault}`);
      await signIn(page);
      for (const { name, hash, ready } of STOPS) {
        await page.goto(`${site.url}${hash}`);
        await ready(page);
        faults.push(...(await accessibilityFaults(page)).map((fault) => `${name}: ${fault}`));
      }
      expect(faults).toEqual([]);
      expect(problems).toEqual([]);
      expect(await page.evaluate(() => 'pwned' in window)).toBe(false);
      await context.close();
    },
  );

  it('fits on a phone: nothing is wider than 390 pixels, nothing is out of reach', async () => {
    const { page, problems, context } = await visit(browser, site.url, { width: 390, height: 844 });
    const wide = (await overflowsSideways(page)) ? ['login'] : [];
    await signIn(page);
    for (const { name, hash, ready } of STOPS) {
      await page.goto(`${site.url}${hash}`);
      await ready(page);
      if (await overflowsSideways(page)) wide.push(name);
      wide.push(...(await accessibilityFaults(page)).map((fault) => `${name}: ${fault}`));
    }
    expect(wide).toEqual([]);
    expect(problems).toEqual([]);
    await context.close();
  });

  it('is worked with the keyboard alone: from signing in to a step of a run', async () => {
    const { page, context } = await visit(browser, site.url);
    await page.getByLabel('Broker').waitFor();
    await page.getByLabel('Broker').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'pump-01' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('hall b');
    await page.getByText('1 of 4 agents').waitFor();
    await page.getByRole('link', { name: 'pump-02' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Cooling water pump 2' }).waitFor();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
    await page.keyboard.press('Tab');
    await page.getByRole('link', { name: 'Sessions' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'repair' }).focus();
    await page.keyboard.press('Enter');
    await page.locator('.react-flow__node').first().focus();
    await page.keyboard.press('Enter');
    await page.getByText('Instance').waitFor();
    await context.close();
  });
});
