import { openLink } from '@shoal/mqtt-link';
import { buildCard } from '@shoal/agent-sdk';
import { discoveryTopic } from '@shoal/protocol';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StaticServer } from '../serve/static-server.ts';
import { chromiumPath, launchBrowser, signIn, visit } from './browser.ts';
import { openSite } from './open-site.ts';
import { embeddedBroker, SCOPE, startStage, type Stage, type StageBroker } from './stage.ts';
import { startMosquittoBroker } from './mosquitto-broker.ts';

const MANY = 10_000;

describe.skipIf(chromiumPath === undefined)('the fleet', () => {
  let broker: StageBroker;
  let stage: Stage;
  let site: StaticServer;
  let browser: Browser;

  beforeAll(async () => {
    broker = await embeddedBroker();
    stage = await startStage(broker);
    site = await openSite(broker.wsUrl);
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await site?.stop();
    await stage?.stop();
    await broker?.stop();
  });

  it('sees an agent die before its eyes, and says why', async () => {
    const { page, problems, context } = await visit(browser, site.url);
    await signIn(page);
    const row = page.getByRole('row', { name: /artist/ });
    await row.getByText('online').waitFor();
    stage.artist.link.destroy();
    await row.getByText('offline').waitFor();
    await row.getByRole('link').click();
    await page.getByText(/said by/).waitFor();
    expect(problems).toEqual([]);
    await context.close();
  });

  it('shows a device at work: samples, bands, tools by risk, and orders through its agent', async () => {
    const { page, problems, context } = await visit(browser, site.url);
    await signIn(page);
    await page.getByRole('link', { name: 'pump-01' }).click();
    await page.getByText('anomalous').waitFor();
    await page.getByText('departs from normal').first().waitFor();
    await page.getByText('Set the speed').click();
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
    expect(problems).toEqual([]);
    await context.close();
  });

  it('says what telemetry cannot be used, and shows none of it as markup', async () => {
    const { page, context } = await visit(browser, site.url);
    await signIn(page);
    await page.goto(`${site.url}#/fleet/pump-02`);
    await page.locator('.uplot').first().waitFor();
    const link = await openLink({ url: broker.url, clientId: 'acme/plant-1/vandal' });
    const topic = 'shoal/v1/acme/plant-1/device/pump-02/telemetry';
    await link.publish(topic, '{"schemaVersion":1,"deviceId":"<img src=x onerror=window.pwned=1>"}');
    await page.getByText(/1 messages could not be used/).waitFor();
    await link.close();
    expect(await page.evaluate(() => 'pwned' in window)).toBe(false);
    await context.close();
  });

  it('stays fluid with 10,000 agents: a screen of rows in the document, whatever is searched', async () => {
    const crowd = await embeddedBroker();
    const link = await openLink({ url: crowd.url, clientId: 'crowd', maxPending: MANY * 2 });
    const many = await startMosquittoBroker();
    const where = many ?? crowd;
    const writer =
      many === undefined ? link : await openLink({ url: many.url, clientId: 'crowd', maxPending: MANY * 2 });
    await Promise.all(
      Array.from({ length: MANY }, (_, index) => {
        const address = { ...SCOPE, agentId: `agent-${String(index).padStart(5, '0')}` };
        const card = buildCard(
          {
            name: `Agent ${index}`,
            description: 'One of many.',
            skills: [{ id: 'do', tags: [index % 2 === 0 ? 'even' : 'odd'] }],
          },
          address,
          crowd.url,
        );
        return writer.publish(discoveryTopic(address), JSON.stringify(card), {
          retain: true,
          qos: 1,
          userProperties: { 'a2a-status': 'online' },
        });
      }),
    );
    const crowded = await openSite(where.wsUrl);
    const { page, problems, context } = await visit(browser, crowded.url);
    await signIn(page);
    await page.getByText('10,000 agents').first().waitFor({ timeout: 60_000 });
    const rows = (): Promise<number> => page.locator('.vbody > .vrow').count();
    expect(await rows()).toBeLessThan(80);
    await page.getByLabel('Search agents').pressSequentially('agent-0427');
    await page.getByText('10 of 10,000 agents').waitFor();
    expect(await rows()).toBe(11);
    await page.getByLabel('Search agents').fill('odd');
    await page.getByText('5,000 of 10,000 agents').waitFor();
    expect(await rows()).toBeLessThan(80);
    await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
    await page.getByRole('link', { name: 'agent-09999' }).waitFor();
    expect(await rows()).toBeLessThan(80);
    expect(problems).toEqual([]);
    await context.close();
    await crowded.stop();
    if (many !== undefined) await writer.close();
    await many?.stop();
    await link.close();
    await crowd.stop();
  });
});
