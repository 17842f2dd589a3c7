import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { accessibilityFaults, overflowsSideways } from './axe.ts';
import { scene, type Theatre } from './theatre.ts';

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
      await page.getByText('Set the speed', { exact: true }).waitFor();
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
      await page.getByText('Instance', { exact: true }).waitFor();
    },
  },
  {
    name: 'operations',
    hash: '#/operations',
    ready: (page) => page.getByRole('heading', { name: 'Triggers' }).waitFor(),
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

export function pageTests(theatre: () => Theatre): void {
  it.each([
    { name: 'in light', theme: 'light', width: 1360, height: 900 },
    { name: 'in dark', theme: 'dark', width: 1360, height: 900 },
    { name: 'on a phone', theme: 'light', width: 390, height: 844 },
  ] as const)('has no accessibility fault and fits its window, $name', async ({ theme, width, height }) => {
    await scene(theatre(), { theme, width, height }, async (page) => {
      const faults: string[] = [];
      for (const { name, hash, ready } of STOPS) {
        await page.goto(`${theatre().site.url}${hash}`);
        await ready(page);
        faults.push(...(await accessibilityFaults(page)).map((fault) => `${name}: ${fault}`));
        if (await overflowsSideways(page)) faults.push(`${name}: wider than the window`);
      }
      expect(faults).toEqual([]);
    });
  });

  it('has no accessibility fault where one signs in', async () => {
    for (const theme of ['light', 'dark'] as const)
      await scene(theatre(), { theme, signedIn: false, width: 390, height: 844 }, async (page) => {
        await page.getByText('Unit and name').click();
        expect(await accessibilityFaults(page)).toEqual([]);
        expect(await overflowsSideways(page)).toBe(false);
      });
  });

  it('is worked with the keyboard alone: from signing in to a step of a run', async () => {
    await scene(theatre(), { signedIn: false }, async (page) => {
      await page.getByLabel('Broker').focus();
      await page.keyboard.press('Enter');
      await page.getByRole('link', { name: 'pump-01' }).waitFor();
      await page.keyboard.press('/');
      await page.keyboard.type('pump-02');
      await page.getByText(/^1 of \d+ agents$/).waitFor();
      // From the search to the only row: the tab key passes the filters.
      await tabTo(page, 'pump-02');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Cooling water pump 2' }).waitFor();
      expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
      await page.keyboard.press('Shift+Tab');
      await tabTo(page, 'Sessions', 'Shift+Tab');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Sessions' }).waitFor();
      await tabTo(page, 'repair');
      await page.keyboard.press('Enter');
      await page.locator('.react-flow__node').first().waitFor();
      await tabTo(page, 'diagnose');
      await page.keyboard.press('Enter');
      await page.getByText('Instance', { exact: true }).waitFor();
    });
  });
}

/** Presses Tab until the element with the keyboard begins with the text; gives up after 60. */
async function tabTo(page: Page, text: string, key = 'Tab'): Promise<void> {
  for (let presses = 0; presses < 60; presses += 1) {
    const focused = await page.evaluate(() => document.activeElement?.textContent ?? '');
    if (focused.startsWith(text)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`the keyboard does not reach ${text}`);
}
