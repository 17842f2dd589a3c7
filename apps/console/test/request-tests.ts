import { expect, it } from 'vitest';
import { scene, type Theatre } from './theatre.ts';

export function requestTests(theatre: () => Theatre): void {
  it('asks, streams, shows every kind of artifact, runs none of it, and follows up in the same context', async () => {
    await scene(theatre(), { hash: '#/requests/artist' }, async (page) => {
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
      const forbidden = 'script, style, iframe, form, input, object, embed, svg, math';
      expect(await foreign.locator(forbidden).count()).toBe(0);
      const armed = '[onerror], [onclick], [onload], [style], a[href^="javascript"]';
      expect(await foreign.locator(armed).count()).toBe(0);
      const manual = foreign.getByRole('link', { name: 'the manual' });
      expect(await manual.getAttribute('rel')).toContain('noopener');
      await page.getByLabel('Follow up, in the same context').fill('context?');
      await page.getByRole('button', { name: 'Send' }).click();
      await page.getByText('2 tasks of this context').waitFor();
    });
  });

  it('answers a task that asks, and says what became of a request to nobody', async () => {
    await scene(theatre(), { hash: '#/requests/artist' }, async (page) => {
      await page.getByLabel('Message').fill('ask me');
      await page.getByRole('button', { name: 'Send' }).click();
      await page.getByText('Which colour?').waitFor();
      await page.getByLabel('Your answer').fill('blue');
      await page.getByRole('button', { name: 'Send' }).click();
      await page.getByText('You said: blue').waitFor();
      await page.getByRole('button', { name: 'New request' }).click();
      await page.getByLabel('Agent', { exact: true }).fill('');
      await page.getByRole('button', { name: 'Send' }).click();
      await page.getByText('Which agent?').waitFor();
      await page.getByLabel('Agent', { exact: true }).fill('nobody');
      await page.getByLabel('Message').fill('hello');
      await page.getByLabel('Stream progress').uncheck();
      await page.getByRole('button', { name: 'Send' }).click();
      await page.locator('.turn-error').waitFor();
    });
  });

  it('registers a card, finds what is wrong with one, and deletes it', async () => {
    await scene(theatre(), { hash: '#/registry/new' }, async (page) => {
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
    });
  });
}

/** On a broker that takes a card from its owner only. */
export function ownershipTests(theatre: () => Theatre): void {
  it('does not take a running agent its card', async () => {
    await scene(theatre(), { hash: '#/registry/card/artist' }, async (page) => {
      await page.getByRole('button', { name: 'Delete' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Delete the card' }).click();
      const alert = page.getByRole('alert');
      await alert.getByText(/stop the agent first/).waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    });
  });
}
