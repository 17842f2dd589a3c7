import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRequester } from '@shoal/agent-sdk';
import { openLink } from '@shoal/mqtt-link';
import type { Task } from '@shoal/protocol';
import { createSupervisor, inProcessSpawner, openRemoteHosts, type Spawner } from '@shoal/supervisor';
import { defineBlueprint, parseWorkflow } from '@shoal/workflow';
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
    [
      ['host', '--spawner', 'docker'],
      '--spawner takes process, in-process, or the path of a JavaScript module',
    ],
    [['host', '--spawner', '/nowhere.js'], '--spawner: '],
  ])('%j ends with 2', async (argv, message) => {
    const { code, error } = await cliError(argv, world.options);
    expect(code).toBe(2);
    expect(error.message).toContain(message);
  });
});

/** What the module below is given its spawner by: a file in a folder of its own finds no packages. */
const shared = globalThis as { spawnerOfTest?: (given: Given) => unknown };

interface Given {
  readonly url: string;
  readonly maxRunning?: number;
}

const MODULE = `export const spawner = (given) => globalThis.spawnerOfTest(given);
export const blueprints = ['work'];
`;

it('shoal supervisor names the kinds of --spawner', async () => {
  const { code, stderr } = await cli(['supervisor', '--org', ORG, '--unit', UNIT, '--spawner', 'pods']);
  expect(code).toBe(2);
  expect(stderr).toContain('--spawner takes process, in-process, hosts, or the path of a JavaScript module');
});

describe('--spawner MODULE', () => {
  let world: World;
  let folder: string;
  const opened: Given[] = [];
  const stopped: Spawner[] = [];

  beforeAll(async () => {
    world = await startWorld();
    folder = await mkdtemp(join(tmpdir(), 'shoal-spawner-'));
    await writeFile(join(folder, 'spawner.mjs'), MODULE);
    await writeFile(join(folder, 'flow.yaml'), FLOW.replace(', placement: { labels: { site: north } }', ''));
    const work = defineBlueprint({
      id: 'work',
      description: 'Works.',
      run: () => Promise.resolve({ output: 'done where the module says' }),
    });
    shared.spawnerOfTest = (given) => {
      opened.push(given);
      const spawner = inProcessSpawner({ ...given, blueprints: [work] });
      const stop = spawner.stop.bind(spawner);
      return Object.assign(spawner, { stop: () => (stopped.push(spawner), stop()) });
    };
  });
  afterAll(async () => {
    delete shared.spawnerOfTest;
    await world.stop();
    await rm(folder, { recursive: true });
  });

  it('is what a supervisor starts its steps with, until it stops', { timeout: 60_000 }, async () => {
    const stop = new AbortController();
    const argv = ['supervisor', '--workflow', 'flow.yaml', '--spawner', './spawner.mjs'];
    const command = cli(argv, { ...world.options, cwd: folder, signal: stop.signal });
    const link = await openLink({ url: world.url, clientId: `${ORG}/${UNIT}/module-caller` });
    const address = { org: ORG, unit: UNIT, agentId: 'module-caller' };
    const requester = createRequester({ link, address });
    try {
      const task = (await requester.send({ ...address, agentId: 'flow' }, 'go')) as Task;
      expect(task.artifacts?.[0]?.parts).toEqual([{ data: 'done where the module says' }]);
    } finally {
      await requester.close();
      await link.close();
      stop.abort();
    }
    expect((await command).code).toBe(0);
    expect(opened).toMatchObject([{ url: world.url }]);
    expect(stopped).toHaveLength(1);
  });

  it(
    'needs no --blueprints for a host, which offers what the module names',
    { timeout: 60_000 },
    async () => {
      const stop = new AbortController();
      let isReady: () => void = () => undefined;
      const ready = new Promise<void>((resolve) => (isReady = resolve));
      const argv = ['host', '--id', 'edge-3', '--capacity', '7', '--spawner', './spawner.mjs', '--jsonl'];
      const options = { ...world.options, cwd: folder, signal: stop.signal, onOutput: () => isReady() };
      const command = cli(argv, options);
      await ready;
      const hosts = await openRemoteHosts({ url: world.url, org: ORG, unit: UNIT });
      await expect.poll(() => hosts.room?.({ blueprint: 'work' })).toBe(7);
      expect(hosts.room?.({ blueprint: 'other' })).toBe('nowhere');
      await hosts.stop();
      stop.abort();
      expect((await command).code).toBe(0);
      expect(opened.at(-1)).toMatchObject({ maxRunning: 7 });
    },
  );

  it.each([
    ['export const blueprints = ["work"];', 'must export `spawner`, a function that takes { url,'],
    ['export const spawner = () => ({}); export const blueprints = [{}];', 'lists of ids, such as'],
    ['export const spawner = () => ({}); export const blueprints = ["a"];', 'has no spawn, stop, running'],
    [
      'export const spawner = () => { throw new Error("no engine here"); }; export const agents = ["a"];',
      'no engine here',
    ],
    ['export const spawner = () => ({});', 'there is nothing to start'],
  ])('%j is refused with what is missing', async (text, message) => {
    const path = join(folder, `broken-${message.length}.mjs`);
    await writeFile(path, text);
    const { code, error } = await cliError(['host', '--spawner', path], world.options);
    expect(code).toBe(2);
    expect(error.message).toContain(message);
  });
});
