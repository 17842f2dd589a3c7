import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StaticServer } from '../serve/static-server.ts';
import { chromiumPath, launchBrowser, signIn, visit, type Visit } from './browser.ts';
import { openSite } from './open-site.ts';
import { embeddedBroker, startStage, type Stage, type StageBroker } from './stage.ts';

describe.skipIf(chromiumPath === undefined)('sessions', () => {
  let broker: StageBroker;
  let stage: Stage;
  let site: StaticServer;
  let browser: Browser;
  let visited: Visit;
  let page: Page;

  beforeAll(async () => {
    broker = await embeddedBroker();
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
  beforeEach(() => stage.gate.releaseAll());

  const open = async (sessionId: string): Promise<void> => {
    await page.goto(`${site.url}#/sessions/${sessionId}`);
    await page.getByRole('heading', { name: 'repair' }).waitFor();
  };
  const state = (text: string) => page.locator('.page-note .badge', { hasText: text }).waitFor();
  const press = async (action: string, confirm: string): Promise<void> => {
    await page.getByRole('button', { name: action, exact: true }).first().click();
    await page.getByRole('dialog').getByRole('button', { name: confirm, exact: true }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  };

  it('shows a run as it goes: waiting, asked for a word, approved, completed', async () => {
    stage.gate.hold('survey');
    const id = await stage.ask('repair');
    await open(id);
    await page.getByText('survey at work').waitFor();
    await page.locator('.react-flow__node', { hasText: 'survey' }).getByText('running').waitFor();
    await page
      .getByRole('button', { name: /^order/ })
      .first()
      .getByText(/waits for approve/)
      .waitFor();
    stage.gate.release('survey');
    await state('waits for approval');
    await press('Approve', 'Approve');
    await state('completed');
    await page.getByRole('region', { name: 'What callers got' }).first().waitFor();
    await page
      .getByRole('button', { name: /^each-part/ })
      .first()
      .click();
    await page.getByText('3 completed, 0 otherwise').waitFor();
    expect(await page.locator('.timeline li').count()).toBe(5);
  });

  it('denies with a reason that stands in the records', async () => {
    const id = await stage.ask('repair');
    await open(id);
    await state('waits for approval');
    await page.getByRole('button', { name: 'Deny' }).click();
    await page.getByLabel(/Reason/).fill('not this week');
    await page.getByRole('dialog').getByRole('button', { name: 'Deny' }).click();
    await state('failed');
    await page
      .getByText(/lea denied: not this week/)
      .first()
      .waitFor();
  });

  it('pauses, resumes and cancels', async () => {
    stage.gate.hold('diagnose');
    const id = await stage.ask('repair');
    await open(id);
    await state('running');
    await press('Pause', 'Pause');
    await state('paused');
    await press('Resume', 'Resume');
    await state('running');
    await press('Cancel', 'Cancel the session');
    await state('canceled');
  });

  it('runs again from a step, and says what acts twice', async () => {
    const id = await stage.ask('repair');
    await open(id);
    await state('waits for approval');
    await press('Approve', 'Approve');
    await state('completed');
    await page
      .getByRole('button', { name: /^order/ })
      .first()
      .click();
    await page.getByRole('button', { name: 'Run again from order' }).click();
    await page.getByRole('dialog').getByText('changed the world the first time').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Run again, repeat its effects' }).click();
    await page.getByText(/runs .* again from order/).waitFor();
    await state('completed');
    expect(page.url()).not.toContain(id);
  });

  it('purges, and the session is gone from the list', async () => {
    const id = await stage.ask('repair');
    await open(id);
    await state('waits for approval');
    await press('Approve', 'Approve');
    await state('completed');
    await press('Purge', 'Purge');
    await page.getByRole('heading', { name: 'Sessions' }).waitFor();
    await page.locator('.vrow', { hasText: id.slice(0, 8) }).waitFor({ state: 'detached' });
    expect(visited.problems).toEqual([]);
  });
});
