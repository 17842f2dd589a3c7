import { expect, it } from 'vitest';
import { accessibilityFaults } from './axe.ts';
import { scene, type Theatre } from './theatre.ts';

export function operationsTests(theatre: () => Theatre): void {
  it('counts the approvals that wait on every page, and takes the word where they are listed', async () => {
    const id = await theatre().stage.ask('repair');
    await scene(theatre(), {}, async (page) => {
      const link = page.getByRole('link', { name: /^Operations/ });
      await link.getByText('1 waiting for a person').waitFor();
      await link.click();
      const approvals = page.getByRole('region', { name: 'Approvals' });
      await approvals.getByText('Stop pump-01 for two hours').waitFor();
      await approvals.getByText(id.slice(0, 8)).waitFor();
      await approvals.getByRole('button', { name: 'Approve' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
      await approvals.getByText('No step waits').waitFor();
      await page.goto(`${theatre().site.url}#/sessions/${id}`);
      await page.locator('.page-note .badge', { hasText: 'completed' }).waitFor();
    });
  });

  it('takes a word on a tool call back, which is gone from the broker then', async () => {
    const { stage } = theatre();
    await stage.approveStop('pump-01', 'word-1');
    await scene(theatre(), { hash: '#/operations' }, async (page) => {
      const words = page.getByRole('region', { name: 'Words on tool calls that still stand', exact: true });
      await words.getByText('ada').waitFor();
      await words.getByRole('button', { name: 'Take back' }).click();
      await page.getByRole('dialog').getByText('told, not undone').waitFor();
      await page.getByRole('dialog').getByRole('button', { name: 'Take back' }).click();
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await words.waitFor({ state: 'detached' });
    });
  });

  it('shows wanted agents as they come, and triggers as they fire', async () => {
    const { stage } = theatre();
    await scene(theatre(), { hash: '#/operations' }, async (page) => {
      await stage.want('night-watch');
      const agents = page.getByRole('region', { name: 'Agents that supervisors keep alive', exact: true });
      await agents
        .getByRole('row', { name: /night-watch/ })
        .getByText('as wanted')
        .waitFor();
      await stage.call('press-9', 5);
      const triggers = page.getByRole('region', { name: 'Triggers', exact: true });
      await triggers
        .getByRole('row', { name: /look-after.*press-9/ })
        .getByText('fired')
        .waitFor();
      await stage.call('press-9', 0);
      await triggers
        .getByRole('row', { name: /press-9/ })
        .getByText('armed')
        .waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
      await agents.getByRole('link', { name: 'night-watch' }).click();
      await page.getByText('kept running by supervisors').waitFor();
    });
  });
}
