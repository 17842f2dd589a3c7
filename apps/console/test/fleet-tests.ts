import { openLink } from '@shoal/mqtt-link';
import { expect, it } from 'vitest';
import { scene, type Theatre } from './theatre.ts';

export function fleetTests(theatre: () => Theatre): void {
  it('sees an agent die before its eyes, and says why', async () => {
    const { stage } = theatre();
    const victim = await stage.startVictim();
    await scene(theatre(), {}, async (page) => {
      const row = page.getByRole('row', { name: /victim/ });
      await row.getByText('online').waitFor();
      victim.kill('SIGKILL');
      await row.getByText('offline').waitFor();
      await row.getByRole('link').click();
      await page.getByText(/said by/).waitFor();
      await page.getByRole('region', { name: 'Presence' }).getByText('offline').waitFor();
    });
  });

  it('shows a device at work: samples, bands, tools by risk, and orders through its agent', async () => {
    await scene(theatre(), {}, async (page) => {
      await page.getByRole('link', { name: 'pump-01' }).click();
      await page.getByRole('region', { name: 'Health' }).getByText('anomalous').waitFor();
      await page.getByText('departs from normal').first().waitFor();
      await page.getByText('Set the speed', { exact: true }).click();
      const tool = page.locator('.tool[open]');
      await tool.getByLabel('rpm').fill('99999');
      await tool.getByRole('button', { name: 'Set the speed …' }).click();
      await tool.getByText(/rpm must be at most/).waitFor();
      await tool.getByLabel('rpm').fill('1200');
      await tool.getByRole('button', { name: 'Set the speed …' }).click();
      await page.getByRole('dialog').getByText('This changes the real device').waitFor();
      await page.getByRole('dialog').getByRole('button', { name: 'Set the speed' }).click();
      await tool.getByText('Answer: completed').waitFor();
      await page.getByText('1200 rpm').first().waitFor();
    });
  });

  it('says what telemetry cannot be used, and shows none of it as markup', async () => {
    const { broker } = theatre();
    await scene(theatre(), { hash: '#/fleet/pump-02' }, async (page) => {
      await page.locator('.uplot').first().waitFor();
      const link = await openLink({ url: broker.url, clientId: 'acme/plant-1/vandal' });
      const topic = 'shoal/v1/acme/plant-1/device/pump-02/telemetry';
      await link.publish(topic, '{"schemaVersion":1,"deviceId":"<img src=x onerror=window.pwned=1>"}');
      await page.getByText(/1 message could not be used/).waitFor();
      await link.close();
    });
  });

  it('keeps what was typed to sign in nowhere but in memory', async () => {
    await scene(theatre(), { signedIn: false }, async (page) => {
      await page.getByLabel('User').fill('lea');
      await page.getByLabel('Password or token').fill('tide-and-current');
      await page.getByRole('button', { name: 'Connect' }).click();
      await page.getByRole('heading', { name: 'Fleet', exact: true }).waitFor();
      const kept = await page.evaluate(async () => ({
        local: JSON.stringify(localStorage),
        session: JSON.stringify(sessionStorage),
        databases: (await indexedDB.databases()).length,
        cookies: document.cookie,
        url: location.href,
        document: document.documentElement.outerHTML.includes('tide-and-current'),
      }));
      expect(JSON.stringify(kept)).not.toContain('tide-and-current');
      expect(kept).toMatchObject({ databases: 0, cookies: '', document: false });
      await page.reload();
      await page.getByRole('button', { name: 'Connect' }).waitFor();
      expect(await page.getByLabel('Password or token').inputValue()).toBe('');
    });
  });
}
