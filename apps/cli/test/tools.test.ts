import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLink } from '@shoal/mqtt-link';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bench, Created, Trace } from '../src/shapes/projects.ts';
import { cli, cliError, cliJson } from './cli.ts';
import { startWorld, type World } from './world.ts';

let world: World;
let folder: string;
beforeAll(async () => {
  world = await startWorld();
  await world.startEcho();
  folder = await mkdtemp(join(tmpdir(), 'shoal-cli-'));
});
afterAll(async () => {
  await world.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('shoal trace', () => {
  /** Traces until it has seen an answer of the echo agent, asking again and again: nobody says when a trace listens. */
  async function recorded(file: string): Promise<string> {
    const traced = cli(
      ['trace', '--kind', 'request', '--of', 'echo', '--count', '2', '--record', file],
      world.options,
    );
    const ended = new AbortController();
    void traced.finally(() => ended.abort());
    while (!ended.signal.aborted) await cli(['ask', 'echo', 'hello'], world.options);
    return (await traced).stdout;
  }

  it(
    'says in words what goes over the wire, and records it for its owner alone',
    { timeout: 60_000 },
    async () => {
      const file = join(folder, 'echo.jsonl');
      expect(await recorded(file)).toMatch(/request +echo +SendStreamingMessage "hello"/);
      expect((await readFile(file, 'utf8')).trim().split('\n')).toHaveLength(2);
      expect((await stat(file)).mode & 0o077).toBe(0);
      const { value } = await cliJson<Trace>('trace', ['trace', '--replay', file, '--count', '1']);
      expect(value.entries).toMatchObject([
        { kind: 'request', of: 'echo', topic: '$a2a/v1/request/acme/plant-1/echo' },
      ]);
      expect(
        (await cliJson<Trace>('trace', ['trace', '--replay', file, '--kind', 'reply'])).value.entries,
      ).toEqual([]);
    },
  );

  it('sends a recording', async () => {
    const file = join(folder, 'one.jsonl');
    const topic = 'shoal/v1/acme/plant-1/device/pump-09/telemetry';
    const entry = {
      at: '2026-01-01T00:00:00.000Z',
      topic,
      kind: 'telemetry',
      of: 'pump-09',
      retain: false,
      qos: 1,
      summary: '',
      payload: 'sent again',
      encoding: 'utf8',
      responseTopic: null,
      correlationData: null,
      userProperties: {},
    };
    await writeFile(file, `${JSON.stringify(entry)}\n`);
    const link = await openLink({ url: world.url, clientId: 'test-listener' });
    const heard = new Promise<string>(
      (resolve) => void link.subscribe(topic, (message) => resolve(message.text())),
    );
    await link.publish('shoal/v1/acme/plant-1/device/pump-09/marker', '');
    expect((await cli(['trace', '--replay', file, '--send'], world.options)).code).toBe(0);
    expect(await heard).toBe('sent again');
    await link.close();
  });

  it.each([
    [['trace', '--send'], 2],
    [['trace', '--replay', '/nowhere/x.jsonl'], 2],
    [['trace', '--count', '-1'], 2],
  ])('%j ends with %i', async (argv, code) => {
    expect((await cliError(argv, world.options)).code).toBe(code);
  });

  it('names the line of a recording that is none', async () => {
    const file = join(folder, 'bad.jsonl');
    await writeFile(file, '\n{"topic":"x"}\n');
    expect((await cliError(['trace', '--replay', file])).error.message).toContain('bad.jsonl:2');
  });
});

describe('shoal create', () => {
  it('writes a project and overwrites nothing', async () => {
    const argv = ['create', 'agent', 'pump-inspector', '--dir', join(folder, 'project')];
    const { value } = await cliJson<Created>('create', argv);
    expect(value.files).toContain('package.json');
    expect((await cliError(argv)).code).toBe(2);
  });

  it('refuses a kind that it has no template for', async () => {
    expect((await cliError(['create', 'robot', 'r2'])).error.message).toContain('agent, ');
  });
});

describe('shoal bench', () => {
  it('measures a broker and cleans up behind itself', { timeout: 60_000 }, async () => {
    const { value } = await cliJson<Bench>('bench', ['bench', '--seconds', '0.2'], world.options);
    expect(value.rows).toHaveLength(3);
    expect(value.rows.every(({ samples }) => samples > 0)).toBe(true);
    const { stdout } = await cli(['agents', 'list', '--text', 'bench'], world.options);
    expect(stdout).toBe('no agents\n');
  });

  it('refuses a payload that is no number of bytes', async () => {
    expect((await cliError(['bench', '--payload', 'big'], world.options)).code).toBe(2);
  });
});

describe('what runs until it is stopped', () => {
  it(
    'dev starts a fleet, says where, and leaves nothing when it is stopped',
    { timeout: 60_000 },
    async () => {
      const stop = new AbortController();
      const { code, stdout } = await cli(
        ['dev', '--port', '0', '--devices', '1', '--speed', '10', '--jsonl'],
        {
          signal: stop.signal,
          onOutput: () => stop.abort(),
        },
      );
      expect(code).toBe(0);
      const { url } = JSON.parse(stdout) as { url: string };
      expect((await cliError(['agents', 'list', '--broker', url])).code).toBe(5);
    },
  );

  it.each([
    [['dev', '--devices', 'many'], '--devices takes a whole number'],
    [['dev', '--workflow', '/nowhere.yaml'], 'ENOENT'],
    [['supervisor'], '--org and --unit'],
    [['supervisor', '--org', 'a', '--unit', 'b'], 'nothing to supervise'],
    [['supervisor', '--org', 'a', '--unit', 'b', '--blueprints', '/nowhere.js'], '--blueprints: '],
  ])('%j ends with 2', async (argv, message) => {
    const { code, stderr } = await cli(argv);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
