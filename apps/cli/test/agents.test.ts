import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentDetail, AgentsLint, AgentsList, AgentsStats, AgentsWatch } from '../src/shapes/agents.ts';
import { cli, cliError, cliJson } from './cli.ts';
import { startWorld, type World } from './world.ts';

describe('shoal agents', () => {
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

  it('lists who is there, for people and for programs', async () => {
    const { code, stdout } = await cli(['agents', 'list'], world.options);
    expect(code).toBe(0);
    expect(stdout).toMatch(/AGENT +PRESENCE/);
    expect(stdout).toMatch(/acme\/plant-1\/echo +online +1\.2\.3 +echo/);
    const { value } = await cliJson<AgentsList>('agents.list', ['agents', 'list'], world.options);
    expect(value.agents.map(({ agentId }) => agentId)).toContain('echo');
    expect(value.broker.software).toMatch(/^(shoal|emqx)$/);
  });

  it('filters', async () => {
    const { value } = await cliJson<AgentsList>(
      'agents.list',
      ['agents', 'list', '--presence', 'offline', '--skill', 'echo'],
      world.options,
    );
    expect(value.agents).toEqual([]);
  });

  it('colours only on a terminal that wants it', async () => {
    const escape = '\u001B[';
    expect((await cli(['agents', 'list'], { ...world.options, tty: true })).stdout).toContain(escape);
    expect((await cli(['agents', 'list'], world.options)).stdout).not.toContain(escape);
    expect(
      (await cli(['agents', 'list', '--no-color'], { ...world.options, tty: true })).stdout,
    ).not.toContain(escape);
    const env = { ...world.options.env, NO_COLOR: '1' };
    expect((await cli(['agents', 'list'], { env, tty: true })).stdout).not.toContain(escape);
  });

  it('shows one agent, also by its id alone and without org and unit', async () => {
    const { value } = await cliJson<AgentDetail>('agents.get', ['agents', 'get', 'echo'], world.options);
    expect(value.card).toMatchObject({ name: 'Echo echo' });
    const env = { SHOAL_BROKER_URL: world.url };
    expect((await cli(['agents', 'get', 'echo'], { env })).stdout).toContain('acme/plant-1/echo');
  });

  it('says with 3 that there is no such agent, and which there are', async () => {
    const { code, error } = await cliError(['agents', 'get', 'nobody'], world.options);
    expect(code).toBe(3);
    expect(error.message).toContain('acme/plant-1/echo');
  });

  it('watches until it has seen enough', async () => {
    const { value, code } = await cliJson<AgentsWatch>(
      'agents.watch',
      ['agents', 'watch', '--count', '1'],
      world.options,
    );
    expect(code).toBe(0);
    expect(value.events).toHaveLength(1);
    expect(value.events[0]).toMatchObject({ kind: 'registered', agentId: 'echo' });
  });

  it('ends a watch on Ctrl-C with 0 and what it saw', async () => {
    const stop = new AbortController();
    const { code, stdout } = await cli(['agents', 'watch', '--jsonl'], {
      ...world.options,
      signal: stop.signal,
      onOutput: () => stop.abort(),
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout.split('\n')[0] ?? '')).toMatchObject({ agentId: 'echo' });
  });

  it('registers a card, shows it, and deletes it', async () => {
    const { value } = await cliJson<AgentDetail>('agents.get', ['agents', 'get', 'echo'], world.options);
    const file = join(folder, 'card.json');
    await writeFile(file, JSON.stringify({ ...value.card, name: 'Spare' }));
    const register = await cliJson('agents.change', ['agents', 'register', 'spare', file], world.options);
    expect(register.value).toMatchObject({ agentId: 'spare', action: 'registered', by: 'mqtt' });
    expect((await cli(['agents', 'get', 'spare'], world.options)).stdout).toContain('Spare');
    expect((await cliJson('agents.change', ['agents', 'delete', 'spare'], world.options)).code).toBe(0);
    expect((await cliError(['agents', 'delete', 'spare'], world.options)).code).toBe(3);
  });

  it('does not take the place of an agent that is connected', async () => {
    const { code, error } = await cliError(['agents', 'delete', 'echo'], world.options);
    expect(code).toBe(8);
    expect(error.message).toContain('--force');
    expect(
      (await cliJson<AgentsList>('agents.list', ['agents', 'list'], world.options)).value.agents,
    ).toMatchObject([{ agentId: 'echo', presence: { state: 'online' } }]);
  });

  it('refuses a card that is none and names the field', async () => {
    const { code, error } = await cliError(['agents', 'register', 'spare', '-'], {
      ...world.options,
      stdin: '{"name":"x"}',
    });
    expect(code).toBe(2);
    expect(error.message).toContain('description');
  });

  it('counts', async () => {
    const { value } = await cliJson<AgentsStats>('agents.stats', ['agents', 'stats'], world.options);
    expect(value).toMatchObject({
      total: 1,
      byState: { online: 1 },
      bySkill: [{ skill: 'echo', agents: 1 }],
    });
  });

  it('lints registered cards and files, and fails on one that cannot be used', async () => {
    const { value } = await cliJson<AgentsLint>('agents.lint', ['agents', 'lint'], world.options);
    expect(value.cards).toMatchObject([{ what: 'acme/plant-1/echo', usable: true }]);
    const bad = await cliJson<AgentsLint>('agents.lint', ['agents', 'lint', '-'], { stdin: '{"name":"x"}' });
    expect(bad.code).toBe(1);
    expect(bad.value.cards[0]?.findings.length).toBeGreaterThan(0);
  });
});
