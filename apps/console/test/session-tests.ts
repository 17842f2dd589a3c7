import type { Page } from 'playwright-core';
import { beforeEach, expect, it } from 'vitest';
import { scene, type Theatre } from './theatre.ts';

export function sessionTests(theatre: () => Theatre): void {
  beforeEach(() => theatre().stage.gate.releaseAll());

  it('shows a run as it goes: waiting, asked for a word, approved, completed', async () => {
    const { stage } = theatre();
    stage.gate.hold('survey');
    const id = await stage.ask('repair');
    await scene(theatre(), { hash: `#/sessions/${id}` }, async (page) => {
      await page.getByText('survey at work').first().waitFor();
      await node(page, 'survey').getByText('running').waitFor();
      await stepRow(page, 'order')
        .getByText(/waits for approve/)
        .waitFor();
      stage.gate.release('survey');
      await state(page, 'waits for approval');
      await press(page, 'Approve', 'Approve');
      await state(page, 'completed');
      await page.getByRole('region', { name: 'What callers got' }).first().waitFor();
      await stepRow(page, 'each-part').click();
      await page.getByText('3 completed, 0 otherwise').waitFor();
      expect(await page.locator('.timeline li').count()).toBe(5);
    });
  });

  it('shows a run recover: its instance is killed, a second attempt appears and ends the work', async () => {
    const { stage } = theatre();
    const id = await stage.ask('measure');
    await scene(theatre(), { hash: `#/sessions/${id}` }, async (page) => {
      await node(page, 'sound').getByText('running').waitFor();
      await stage.killStep();
      await node(page, 'sound').getByText('attempt 2').waitFor();
      await node(page, 'sound').getByText('completed').waitFor();
      await state(page, 'completed');
      await stepRow(page, 'sound').click();
      await page.getByText('2 of at most 3').waitFor();
    });
  });

  it('denies with a reason that stands in the records', async () => {
    const id = await theatre().stage.ask('repair');
    await scene(theatre(), { hash: `#/sessions/${id}` }, async (page) => {
      await state(page, 'waits for approval');
      await page.getByRole('button', { name: 'Deny' }).click();
      await page.getByLabel(/Reason/).fill('not this week');
      await page.getByRole('dialog').getByRole('button', { name: 'Deny' }).click();
      await state(page, 'failed');
      await page
        .getByText(/lea denied: not this week/)
        .first()
        .waitFor();
    });
  });

  it('does nothing when the question is answered with "Not now"', async () => {
    const { stage } = theatre();
    stage.gate.hold('diagnose');
    const id = await stage.ask('repair');
    await scene(theatre(), { hash: `#/sessions/${id}` }, async (page) => {
      await state(page, 'running');
      await page.getByRole('button', { name: 'Cancel', exact: true }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Not now' }).click();
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await state(page, 'running');
      await press(page, 'More time', 'Give more time');
      await page.getByText(/deadline .*, planned for /).waitFor();
      await stepRow(page, 'diagnose').click();
      await page.getByRole('button', { name: 'More time', exact: true }).click();
      const dialog = page.getByRole('dialog');
      expect(await dialog.getByLabel('For').inputValue()).toBe('diagnose');
      await dialog.getByLabel('Minutes from now').fill('90');
      await dialog.getByRole('button', { name: 'Give more time' }).click();
      await dialog.getByText(/the session has until .*: extend it first/).waitFor();
      await dialog.getByLabel('Minutes from now').fill('30');
      await dialog.getByRole('button', { name: 'Give more time' }).click();
      await page.getByText('More time until').waitFor();
      await press(page, 'Pause', 'Pause');
      await state(page, 'paused');
      await press(page, 'Resume', 'Resume');
      await state(page, 'running');
      await press(page, 'Cancel', 'Cancel the session');
      await state(page, 'canceled');
    });
  });

  it('gives more time to one item of a fan-out, and to no other', async () => {
    const { stage } = theatre();
    stage.gate.hold('each-part.1');
    const id = await stage.ask('repair');
    await scene(theatre(), { hash: `#/sessions/${id}` }, async (page) => {
      await stepRow(page, 'each-part').click();
      await page.getByText('2 completed, 0 otherwise, 1 at work').waitFor();
      const button = page.getByRole('button', { name: /^More time for item/ });
      expect(await button.count()).toBe(1);
      await button.click();
      const dialog = page.getByRole('dialog');
      expect(await dialog.getByLabel('For').inputValue()).toBe('each-part.1');
      await dialog.getByLabel('Minutes from now').fill('9');
      await dialog.getByRole('button', { name: 'Give more time' }).click();
      await dialog.waitFor({ state: 'detached' });
      await page
        .locator('.items li', { hasText: '"bearing"' })
        .getByText(/until /)
        .waitFor();
      expect(await page.locator('.items li', { hasText: 'until ' }).count()).toBe(1);
      stage.gate.release('each-part.1');
      await page.getByText('3 completed, 0 otherwise').waitFor();
      await button.waitFor({ state: 'detached' });
      // It would wait for its approval, which later tests count.
      await press(page, 'Cancel', 'Cancel the session');
      await state(page, 'canceled');
    });
  });

  it('runs again from a step and says what acts twice; purges, and the session is gone from the list', async () => {
    const id = await theatre().stage.ask('repair');
    await scene(theatre(), { hash: `#/sessions/${id}` }, async (page) => {
      await state(page, 'waits for approval');
      await press(page, 'Approve', 'Approve');
      await state(page, 'completed');
      await stepRow(page, 'order').click();
      await page.getByRole('button', { name: 'Run again from order' }).click();
      await page.getByRole('dialog').getByText('changed the world the first time').waitFor();
      await page.getByRole('dialog').getByRole('button', { name: 'Run again, repeat its effects' }).click();
      await page.getByText(/runs .* again from order/).waitFor();
      await state(page, 'completed');
      expect(page.url()).not.toContain(id);
      await page.goBack();
      await page.locator('.page-note', { hasText: id }).waitFor();
      await press(page, 'Purge', 'Purge');
      await page.getByRole('heading', { name: 'Sessions' }).waitFor();
      await page.locator('.vrow', { hasText: id.slice(0, 8) }).waitFor({ state: 'detached' });
    });
  });
}

function node(page: Page, stepId: string) {
  return page.locator('.react-flow__node', { hasText: stepId });
}

function stepRow(page: Page, stepId: string) {
  return page.locator('.step-row', { has: page.getByText(stepId, { exact: true }) });
}

function state(page: Page, text: string): Promise<void> {
  return page.locator('.page-note .badge', { hasText: text }).waitFor();
}

async function press(page: Page, action: string, confirm: string): Promise<void> {
  await page.getByRole('button', { name: action, exact: true }).first().click();
  await page.getByRole('dialog').getByRole('button', { name: confirm, exact: true }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
}
