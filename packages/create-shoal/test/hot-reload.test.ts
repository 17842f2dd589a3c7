import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRequester } from '@shoal/agent-sdk';
import { createBroker } from '@shoal/broker';
import { openLink } from '@shoal/mqtt-link';
import { afterAll, expect, it } from 'vitest';
import { scaffold } from '../src/index.ts';

const work = realpathSync(mkdtempSync(join(tmpdir(), 'shoal-reload-')));
const NODE_MODULES = fileURLToPath(new URL('../node_modules', import.meta.url));
const broker = createBroker({ allowAnonymous: true });
let watching: ChildProcess | undefined;

afterAll(async () => {
  watching?.kill('SIGTERM');
  await broker.stop();
  rmSync(work, { recursive: true, force: true });
});

/** Patience for a machine under load: a restart of the process may take longer than the three attempts of the profile. */
const RETRY = { maxAttempts: 60, firstReplyTimeoutMs: 10_000 };

it('a change of the code is taken up, and no request that comes meanwhile is lost', async () => {
  const { directory } = scaffold('agent', { name: 'reloaded', directory: join(work, 'reloaded') });
  symlinkSync(NODE_MODULES, join(directory, 'node_modules'), 'dir');
  const url = (await broker.start()).tcp!.url;
  watching = spawn(
    process.execPath,
    ['node_modules/tsx/dist/cli.mjs', 'watch', '--conditions=@shoal/source', 'src/main.ts'],
    { cwd: directory, env: { ...process.env, SHOAL_BROKER_URL: url }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const address = { org: 'acme', unit: 'plant-1', agentId: 'reloaded' };
  const link = await openLink({ url, clientId: 'acme/plant-1/tester' });
  const requester = createRequester({ link, address: { ...address, agentId: 'tester' }, retry: RETRY });
  const ask = async (): Promise<unknown> => {
    const message = { data: { value: 12, low: 0, high: 10 }, metadata: { skill: 'judge-reading' } };
    const answer = await requester.send(address, message);
    if ('parts' in answer) throw new Error('a task was expected');
    expect(answer.status.state).toBe('TASK_STATE_COMPLETED');
    return answer.artifacts?.[0]?.parts[0]?.data;
  };
  expect(await ask()).toEqual({ verdict: 'above', distance: 2 });

  const source = join(directory, 'src/agent.ts');
  writeFileSync(source, readFileSync(source, 'utf8').replace('distance: value - high', 'distance: 99'));
  const seen = new Set<string>();
  for (const endsAt = Date.now() + 90_000; !seen.has('99') && Date.now() < endsAt;)
    for (const answer of await Promise.all([ask(), ask(), ask()]))
      seen.add(String((answer as { distance: number }).distance));
  expect([...seen]).toContain('99');
  await link.close();
}, 120_000);
