import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';
import type { StaticServer } from '../serve/static-server.ts';
import { launchBrowser, signIn, visit, type VisitOptions } from './browser.ts';
import { openSite } from './open-site.ts';
import { SCOPE } from './scope.ts';
import { startStage, type Stage, type StageBroker } from './stage.ts';

/** One broker, one fleet, one browser, for all tests on that broker. */
export interface Theatre {
  readonly broker: StageBroker;
  readonly stage: Stage;
  readonly site: StaticServer;
  readonly browser: Browser;
  close(): Promise<void>;
}

export async function openTheatre(broker: StageBroker): Promise<Theatre> {
  const [stage, site, browser] = await Promise.all([
    startStage(broker),
    openSite(broker.wsUrl),
    launchBrowser(),
  ]);
  return {
    broker,
    stage,
    site,
    browser,
    async close() {
      await browser.close();
      await site.stop();
      await stage.stop();
      await broker.stop();
    },
  };
}

/** Who signs in and on which page it begins; nothing of it: `lea` on the fleet. */
export interface SceneOptions extends VisitOptions {
  readonly hash?: string;
  readonly signedIn?: boolean;
}

/**
 * A person with a fresh browser profile does something. Whatever it is: no error on the page, no breach of its policy, no request to another
 * host, and nothing that an agent wrote has run. A picture of the page is kept when it fails, and its place stands in the error.
 */
export async function scene(
  { browser, site }: Theatre,
  options: SceneOptions,
  play: (page: Page) => Promise<unknown>,
): Promise<void> {
  const { page, problems, context } = await visit(browser, site.url, options);
  try {
    if (options.signedIn !== false) await signIn(page, SCOPE);
    if (options.hash !== undefined) await page.goto(`${site.url}${options.hash}`);
    await play(page);
    expect(problems).toEqual([]);
    expect(await page.evaluate(() => 'pwned' in window)).toBe(false);
  } catch (error) {
    if (error instanceof Error)
      error.message += `\nThe page: ${await keepPicture(page)} ${problems.join('\n')}`;
    throw error;
  } finally {
    await context.close();
  }
}

async function keepPicture(page: Page): Promise<string> {
  const folder = join(tmpdir(), 'shoal-console');
  const path = join(folder, `${Date.now()}.png`);
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path }).catch(() => undefined);
  return path;
}
