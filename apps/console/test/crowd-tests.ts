import { buildCard } from '@shoal/agent-sdk';
import { openLink } from '@shoal/mqtt-link';
import { discoveryTopic } from '@shoal/protocol';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { scene, type Theatre } from './theatre.ts';

const MANY = 10_000;
const CROWD = { org: 'acme', unit: 'crowd' };

export function crowdTests(theatre: () => Theatre): void {
  it('stays fluid with 10,000 agents: a screen of rows in the document, whatever is searched', async () => {
    await publishCards(theatre().broker.url);
    await scene(theatre(), { signedIn: false }, async (page) => {
      await page.getByRole('button', { name: 'Connect' }).click();
      await page.getByRole('heading', { name: 'Which unit?' }).waitFor();
      await page.getByRole('button', { name: /acme \/ crowd.*10,000 agents/ }).click();
      await page.getByText('10,000 agents').first().waitFor({ timeout: 60_000 });
      expect(await rowsOf(page)).toBeLessThan(80);
      await page.getByLabel('Search agents').pressSequentially('agent-0427');
      await page.getByText('10 of 10,000 agents').waitFor();
      expect(await rowsOf(page)).toBe(11);
      await page.getByLabel('Search agents').fill('odd');
      await page.getByText('5,000 of 10,000 agents').waitFor();
      expect(await rowsOf(page)).toBeLessThan(80);
      // The rows get their height a frame after the words above them.
      await page.waitForFunction(() => document.body.scrollHeight > 100_000);
      await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
      await page.getByRole('link', { name: 'agent-09999' }).waitFor();
      expect(await rowsOf(page)).toBeLessThan(80);
    });
  });
}

async function publishCards(url: string): Promise<void> {
  const link = await openLink({ url, clientId: 'crowd', maxPending: MANY * 2 });
  await Promise.all(
    Array.from({ length: MANY }, (_, index) => {
      const address = { ...CROWD, agentId: `agent-${String(index).padStart(5, '0')}` };
      const card = buildCard(
        {
          name: `Agent ${index}`,
          description: 'One of many.',
          skills: [{ id: 'do', tags: [index % 2 === 0 ? 'even' : 'odd'] }],
        },
        address,
        url,
      );
      return link.publish(discoveryTopic(address), JSON.stringify(card), {
        retain: true,
        qos: 1,
        userProperties: { 'a2a-status': 'online' },
      });
    }),
  );
  await link.close();
}

function rowsOf(page: Page): Promise<number> {
  return page.locator('.vbody > .vrow').count();
}
