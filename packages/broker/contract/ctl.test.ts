import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { runCtl, type CtlResult } from '../src/bin/ctl.ts';
import type { RegistrySettings } from '../src/index.ts';
import { cardText } from '../test/cards.ts';
import { ApiBroker } from './api-broker.ts';
import { Clients } from './mqtt-clients.ts';

let api: ApiBroker;
const clients = new Clients();

async function startBroker(registry: RegistrySettings): Promise<void> {
  api = await ApiBroker.start(registry);
}

afterEach(async () => {
  clients.closeAll();
  await api.broker.stop();
});

describe('the command for the registry', () => {
  let directory: string;
  let file: string;

  beforeEach(async () => {
    await startBroker({ profile: 'emqx' });
    directory = await mkdtemp(join(tmpdir(), 'shoal-ctl-'));
    file = join(directory, 'card.json');
    await writeFile(file, cardText());
  });

  afterEach(() => rm(directory, { recursive: true, force: true }));

  const ctl = (...args: string[]): Promise<CtlResult> =>
    runCtl(['a2a_registry', ...args], {
      env: {
        SHOAL_BROKER_API_URL: api.url,
        SHOAL_BROKER_API_KEY: 'admin',
        SHOAL_BROKER_API_SECRET: 'secret',
      },
      fetch,
    });
  const value = async (...args: string[]): Promise<unknown> => JSON.parse((await ctl(...args)).output);
  const listed = async (...args: string[]): Promise<string[]> =>
    ((await value('list', ...args)) as { id: string }[]).map(({ id }) => id);
  const error = (message: string, exitCode = 1): CtlResult => ({
    output: `${JSON.stringify({ message, error: true })}\n`,
    exitCode,
  });

  it('31: prints its usage, which is silent about namespaces', async () => {
    for (const args of [[], ['nonsense'], ['get', 'o'], ['register', 'o', 'u', 'a']]) {
      const { output, exitCode } = await ctl(...args);
      expect([output.includes('a2a_registry list'), output.includes('--namespace'), exitCode]).toEqual([
        true,
        false,
        0,
      ]);
    }
  });

  it('32, 33: lists by filters and status', async () => {
    await ctl('register', 'o', 'u', 'a', file);
    await ctl('register', 'o', 'v', 'b', file);
    expect(await listed()).toEqual(['o/u/a', 'o/v/b']);
    expect(await listed('--org-id', 'o')).toHaveLength(2);
    expect(await listed('--unit-id', 'v')).toEqual(['o/v/b']);
    expect(await listed('--agent-id', 'a')).toEqual(['o/u/a']);
    expect(await listed('--org-id', 'o', '--unit-id', 'v', '--agent-id', 'b')).toEqual(['o/v/b']);
    expect(await listed('--unit-id', 'u', '--agent-id', 'b')).toEqual([]);
    expect(await listed('--status', 'offline')).toHaveLength(2);
    await clients.connect(api.mqttUrl, { clientId: 'o/u/a' });
    expect(await listed('--status', 'offline')).toEqual(['o/v/b']);
    expect(await listed('--status', 'online')).toEqual(['o/u/a']);
  });

  it('34: refuses a status and ids that are none, and arguments that it does not know', async () => {
    expect(await ctl('list', '--status', 'maybe')).toEqual(error('Invalid list args: invalid status: maybe'));
    expect(await ctl('list', '--org-id', '/')).toEqual(error('Invalid list args: invalid org id: /'));
    expect(await ctl('list', '--org', 'o')).toEqual(error('Invalid list args: unknown arguments: --org o'));
    expect(await ctl('get', 'o', '/', 'a')).toEqual(error('Invalid get args: invalid unit id: /'));
  });

  it('35, 36: gets a card or null, and deletes it twice', async () => {
    await ctl('register', 'o', 'u', 'a', file);
    await ctl('register', 'o', 'u', 'b', file);
    const found = (await value('get', 'o', 'u', 'a')) as { raw: string };
    expect(JSON.parse(found.raw)).toEqual(JSON.parse(cardText()));
    expect(await value('get', 'o', 'u', 'none')).toBe(null);
    for (let i = 0; i < 2; i++)
      expect(await ctl('delete', 'o', 'u', 'a')).toEqual({ output: '', exitCode: 0 });
    expect(await listed()).toEqual(['o/u/b']);
  });

  it('37, 38: registers from a file, and counts', async () => {
    expect(await value('stats')).toEqual({ total: 0 });
    expect(await ctl('register', 'o', 'u', 'a', file)).toEqual({ output: '', exitCode: 0 });
    expect(await value('stats')).toEqual({ total: 1 });
    for (const args of [
      ['*', 'u', 'a'],
      ['o', '*', 'a'],
      ['o', 'u', '*'],
    ])
      expect((await ctl('register', ...args, file)).exitCode).toBe(1);
    const missing = await ctl('register', 'o', 'u', 'a', join(directory, 'none'));
    expect(missing).toEqual(error('Invalid register args: no such file or directory'));
    await writeFile(file, '{}');
    expect(await ctl('register', 'o', 'u', 'a', file)).toEqual(error('Card does not conform to schema'));
  });

  it('39: says so when the retained store or the registry is off', async () => {
    const all = [
      ['list'],
      ['get', 'o', 'u', 'a'],
      ['delete', 'o', 'u', 'a'],
      ['register', 'o', 'u', 'a', file],
      ['stats'],
    ];
    api.broker.setRetainer(false);
    for (const args of all) {
      const { output, exitCode } = await ctl(...args);
      expect([JSON.parse(output), exitCode]).toEqual([
        { message: expect.stringContaining('retainer'), error: true },
        1,
      ]);
    }
    api.broker.setRetainer(true);
    expect(await listed()).toEqual([]);
    api.broker.registry.configure({ enabled: false });
    for (const args of all) expect(await ctl(...args)).toEqual(error('A2A Registry is not enabled', 0));
  });

  it('40, 41: keeps namespaces apart', async () => {
    await ctl('register', '--namespace', 'acme', 'o', 'u', 'a', file);
    expect([await value('stats'), await value('get', 'o', 'u', 'a'), await listed()]).toEqual([
      { total: 0 },
      null,
      [],
    ]);
    await ctl('register', 'o', 'u', 'a', file);
    await ctl('delete', '--namespace', 'acme', 'o', 'u', 'a');
    expect(await value('stats', '--namespace', 'acme')).toEqual({ total: 0 });
    expect(await value('stats')).toEqual({ total: 1 });
    const nowhere = await ctl('register', '--namespace', 'nowhere', 'o', 'u', 'a', file);
    expect(nowhere).toEqual(error('Namespace not found: nowhere'));
  });

  it('says so when there is no broker, or no right', async () => {
    const run = (env: NodeJS.ProcessEnv): Promise<CtlResult> =>
      runCtl(['a2a_registry', 'stats'], { env, fetch });
    expect(await run({ SHOAL_BROKER_API_URL: api.url })).toEqual(error('Check api_key/api_secret'));
    await api.broker.stop();
    expect((await run({ SHOAL_BROKER_API_URL: api.url })).output).toMatch(/cannot reach/);
  });
});
