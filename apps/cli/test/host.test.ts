import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRequester } from '@shoal/agent-sdk';
import { openLink } from '@shoal/mqtt-link';
import type { Task } from '@shoal/protocol';
import { createSupervisor, openRemoteHosts } from '@shoal/supervisor';
import { parseWorkflow } from '@shoal/workflow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostEvent, HostRan } from '../src/shapes/hosts.ts';
import { cli, cliError, cliJson } from './cli.ts';
import { ORG, startWorld, UNIT, type World } from './world.ts';

const STEPS = `export const blueprints = [{
  id: 'work',
  description: 'Works.',
  run: async ({ variables }) => {
    await new Promise((resolve) => setTimeout(resolve, Number(variables.workMs ?? 0)));
    return { output: 'done here' };
  },
}];
`;
const FLOW = `id: flow
description: A step on a host.
variables: { workMs: { default: 0 } }
steps:
  - { id: a, use: { blueprint: work }, placement: { labels: { site: north } } }
`;

describe('shoal host', () => {
  let world: World;
  let folder: string;
  let module: string;

  beforeAll(async () => {
    world = await startWorld();
    folder = await mkdtemp(join(tmpdir(), 'shoal-host-'));
    module = join(folder, 'steps.mjs');
    await writeFile(module, STEPS);
    const host = { id: 'edge-1', labels: { site: 'north' }, blueprints: 'steps.mjs', spawner: 'in-process' };
    await writeFile(join(folder, 'shoal.config.json'), JSON.stringify({ host }));
  });
  afterAll(async () => {
    await world.stop();
    await rm(folder, { recursive: true });
  });

  it(
    'takes orders as its configuration says, and told to stop it waits for what runs',
    { timeout: 60_000 },
    async () => {
      const stop = new AbortController();
      let told: (event: HostEvent) => void = () => undefined;
      const ready = new Promise<HostEvent>((resolve) => (told = resolve));
      const command = cli(['host', '--capacity', '3', '--jsonl'], {
        ...world.options,
        cwd: folder,
        signal: stop.signal,
        onOutput: (text) => text.includes('\n') && told(JSON.parse(text.split('\n')[0]!) as HostEvent),
      });
      expect(await ready).toMatchObject({
        event: 'ready',
        hostId: 'edge-1',
        org: ORG,
        unit: UNIT,
        running: 0,
      });
      const hosts = await openRemoteHosts({ url: world.url, org: ORG, unit: UNIT });
      const workflows = [parseWorkflow(FLOW)];
      const supervisor = createSupervisor({
        url: world.url,
        org: ORG,
        unit: UNIT,
        workflows,
        spawner: hosts,
      });
      await supervisor.start();
      const link = await openLink({ url: world.url, clientId: `${ORG}/${UNIT}/host-caller` });
      const address = { org: ORG, unit: UNIT, agentId: 'host-caller' };
      const requester = createRequester({ link, address });
      try {
        expect(hosts.room?.({ labels: { site: 'north' } })).toBe(3);
        const running = new Promise<void>((resolve) => {
          void link.subscribe(`shoal/v1/${ORG}/${UNIT}/session/+/step/a/status`, (message) => {
            if (message.text().includes('"running"')) resolve();
          });
        });
        const asked = requester.send({ ...address, agentId: 'flow' }, { data: { workMs: 500 } });
        await running;
        stop.abort();
        const { code, stdout } = await command;
        expect(code).toBe(0);
        expect(
          stdout
            .trim()
            .split('\n')
            .map((line) => (JSON.parse(line) as HostEvent).event),
        ).toEqual(['ready', 'draining']);
        expect(((await asked) as Task).artifacts?.[0]?.parts).toEqual([{ data: 'done here' }]);
        await expect.poll(() => hosts.room?.({ labels: { site: 'north' } })).toBe('nowhere');
      } finally {
        await requester.close();
        await link.close();
        await supervisor.stop();
        await hosts.stop();
      }
    },
  );

  it(
    'says at the end, as one document, who it was and that nothing is left',
    { timeout: 60_000 },
    async () => {
      const stopped = { ...world.options, signal: AbortSignal.abort() };
      const argv = [
        'host',
        '--id',
        'edge-2',
        '--blueprints',
        module,
        '--spawner',
        'in-process',
        '--label',
        'a=b',
      ];
      const { value, code } = await cliJson<HostRan>('host', argv, stopped);
      expect(code).toBe(0);
      expect(value).toMatchObject({ hostId: 'edge-2', labels: { a: 'b' }, drained: true, left: 0 });
    },
  );

  it.each([
    [['host'], 'there is nothing to start: give --blueprints'],
    [['host', '--blueprints', '/nowhere.js'], '--blueprints: '],
    [['host', '--blueprints', '/nowhere.js', '--label', 'north'], '--label takes NAME=VALUE, not "north"'],
    [['host', '--blueprints', '/nowhere.js', '--capacity', '0'], '--capacity takes a whole number from 1'],
    [['host', '--blueprints', '/nowhere.js', '--id', 'a/b'], '--id takes letters'],
  ])('%j ends with 2', async (argv, message) => {
    const { code, error } = await cliError(argv, world.options);
    expect(code).toBe(2);
    expect(error.message).toContain(message);
  });
});
