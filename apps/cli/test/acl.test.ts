import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authenticateUsers, createBroker, createPolicy, type AccessRule, type User } from '@shoal/broker';
import { startDeviceAgent } from '@shoal/device-agent';
import { createScenario, startDevice } from '@shoal/device-sim';
import { callJsonTool, connectMcp } from '@shoal/mcp-mqtt';
import { openLink } from '@shoal/mqtt-link';
import { mosquittoPath, startMosquitto } from '@shoal/mqtt-link/testing';
import { createHost, createSupervisor, inProcessSpawner, openRemoteHosts } from '@shoal/supervisor';
import { defineBlueprint, parseWorkflow } from '@shoal/workflow';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Acl } from '../src/shapes/acl.ts';
import type { AgentsList } from '../src/shapes/agents.ts';
import type { DeviceCall } from '../src/shapes/devices.ts';
import type { Doctor } from '../src/shapes/doctor.ts';
import type { SessionDetail } from '../src/shapes/sessions.ts';
import { cli, cliError, cliJson, type CliOptions } from './cli.ts';

const ORG = 'acme';
const DEVICE = 'pump-01';
const FLEET = {
  units: [
    { org: ORG, unit: 'plant-1', devices: [DEVICE] },
    { org: ORG, unit: 'plant-2', devices: [DEVICE] },
    { org: ORG, unit: 'plant-3', devices: [] },
  ],
};

const WORKFLOW = `id: inspect
description: Looks at a device, and asks a person before it acts.
steps:
  - { id: look, use: { blueprint: look } }
  - { id: sign, use: { approval: { prompt: "Slow it down?" } }, needs: [look] }
  - { id: act, use: { blueprint: act }, needs: [sign] }
`;

interface Guarded {
  readonly url: string;
  stop(): Promise<unknown>;
}

type Kind = 'shoal' | 'mosquitto';

async function startGuarded(kind: Kind, folder: string): Promise<Guarded> {
  if (kind === 'mosquitto') {
    // Started by root, it would become another user, who may not read the files.
    const user = process.getuid?.() === 0 ? ['user root'] : [];
    const config = [
      ...user,
      'allow_anonymous false',
      `password_file ${folder}/passwd`,
      `acl_file ${folder}/acl`,
    ];
    return startMosquitto({ config });
  }
  const { users, rules } = JSON.parse(await readFile(join(folder, 'broker.json'), 'utf8')) as {
    users: User[];
    rules: AccessRule[];
  };
  const broker = createBroker({ authenticate: authenticateUsers(users), authorize: createPolicy(rules) });
  const { tcp } = await broker.start();
  return { url: tcp?.url ?? '', stop: () => broker.stop() };
}

const KINDS: readonly Kind[] = mosquittoPath() === undefined ? ['shoal'] : ['shoal', 'mosquitto'];

describe.each(KINDS)('the rules of shoal acl on %s', (kind) => {
  let folder: string;
  let broker: Guarded;
  let passwords: Readonly<Record<string, string>>;
  const closing: (() => Promise<unknown>)[] = [];

  const as = (role: string, unit = 'plant-1') => {
    const username = `${ORG}.${unit}.${role}`;
    return { url: broker.url, username, password: passwords[username] ?? 'none' };
  };
  const options = (role: string, unit = 'plant-1'): CliOptions => {
    const { url, username, password } = as(role, unit);
    const env = {
      SHOAL_BROKER_URL: url,
      SHOAL_USERNAME: username,
      SHOAL_PASSWORD: password,
      SHOAL_ORG: ORG,
      SHOAL_UNIT: unit,
      SHOAL_TIMEOUT: '20',
    };
    return { env };
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'shoal-acl-'));
    const file = join(folder, 'fleet.json');
    await writeFile(file, JSON.stringify(FLEET));
    const { code } = await cliJson<Acl>('acl', ['acl', '--broker', kind, '--fleet', file, '--out', folder]);
    expect(code).toBe(0);
    passwords = JSON.parse(await readFile(join(folder, 'credentials.json'), 'utf8')) as Record<
      string,
      string
    >;
    broker = await startGuarded(kind, folder);
    const unit = 'plant-1';
    const scenario = await createScenario({ devices: 2, site: unit });
    const device = await startDevice({
      ...as(`device.${DEVICE}`),
      org: ORG,
      unit,
      deviceId: DEVICE,
      source: scenario.devices[0]!.source,
    });
    closing.push(() => device.stop());
    const agent = await startDeviceAgent({ ...as(`agent.${DEVICE}`), org: ORG, unit, deviceId: DEVICE });
    closing.push(() => agent.stop());
    const supervisor = createSupervisor({
      ...as('supervisor'),
      org: ORG,
      unit,
      workflows: [parseWorkflow(WORKFLOW)],
      spawner: inProcessSpawner({
        ...as('step'),
        blueprints: [lookBlueprint(() => as('step')), actBlueprint()],
      }),
      reconcileIntervalMs: 1_000,
    });
    await supervisor.start();
    closing.push(() => supervisor.stop());
  }, 60_000);
  afterAll(async () => {
    for (const close of closing.toReversed()) await close();
    await broker.stop();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  it(
    'lets a workflow run to its end: device, agent, step, supervisor, requester and operator do their work',
    { timeout: 90_000 },
    async () => {
      const sessionId = crypto.randomUUID();
      const started = await cli(
        ['workflow', 'run', 'inspect', '--no-wait', '--session-id', sessionId],
        options('requester'),
      );
      expect(started.stderr).not.toContain('shoal: ');
      expect(started.code).toBe(0);
      const show = async () =>
        (await cliJson<SessionDetail>('session.show', ['session', 'show', sessionId], options('operator')))
          .value;
      await vi.waitFor(async () => expect((await show()).session.state).toBe('input-required'), {
        timeout: 40_000,
        interval: 200,
      });
      expect((await cli(['session', 'approve', sessionId], options('operator'))).code).toBe(0);
      await vi.waitFor(
        async () => expect((await show()).session).toMatchObject({ state: 'completed', closed: true }),
        { timeout: 40_000, interval: 200 },
      );
      const { steps } = await show();
      expect(steps.find(({ stepId }) => stepId === 'look')?.output).toMatchObject({
        type: 'pump',
        agent: true,
      });
    },
  );

  it('lets a host start steps, which have a credential of their own', { timeout: 90_000 }, async () => {
    const unit = 'plant-3';
    const place = { org: ORG, unit };
    const look = defineBlueprint({
      id: 'look',
      description: 'Looks.',
      run: async () => ({ output: 'seen' }),
    });
    const spawner = inProcessSpawner({ ...as('step', unit), blueprints: [look] });
    const host = createHost({ ...as('host', unit), ...place, hostId: 'h', spawner });
    await host.start();
    const hosts = await openRemoteHosts({ ...as('supervisor', unit), ...place });
    const workflows = [
      parseWorkflow('id: hosted\ndescription: Looks.\nsteps:\n  - { id: look, use: { blueprint: look } }\n'),
    ];
    const supervisor = createSupervisor({ ...as('supervisor', unit), ...place, workflows, spawner: hosts });
    try {
      await supervisor.start();
      const ran = await cli(['workflow', 'run', 'hosted'], options('requester', unit));
      expect(ran).toMatchObject({ code: 0 });
    } finally {
      for (const one of [supervisor, hosts, host, spawner]) await one.stop();
    }
  });

  it('lets a gateway in as a requester', async () => {
    const link = await openLink({ ...as('requester'), clientId: `${ORG}/plant-1/gateway-1` });
    expect(link.state).toBe('online');
    await link.close();
  });

  it('lets an operator call tools, through the agent where they act', { timeout: 40_000 }, async () => {
    const read = await cliJson<DeviceCall>(
      'devices.call',
      ['devices', 'call', DEVICE, 'describe'],
      options('operator'),
    );
    expect(read.value.ok).toBe(true);
    const argv = ['devices', 'call', DEVICE, 'set_speed', '--args', '{"rpm":1200}', '--yes'];
    expect((await cliJson<DeviceCall>('devices.call', argv, options('operator'))).value).toMatchObject({
      ok: true,
      via: 'agent',
    });
  });

  it('lets a reader see the registry, and nothing else', async () => {
    const { value } = await cliJson<AgentsList>('agents.list', ['agents', 'list'], options('reader'));
    expect(value.agents.map(({ agentId }) => agentId)).toContain(DEVICE);
    // The embedded broker refuses the subscription; Mosquitto grants it and delivers nothing.
    const sessions = await cli(['session', 'list'], options('reader'));
    expect(sessions).toMatchObject(kind === 'shoal' ? { code: 4 } : { stdout: 'no sessions\n' });
    const asked = await cliError(['ask', DEVICE, 'hello'], options('reader'));
    expect(asked.code).toBe(4);
  });

  it('shows nothing of the unit to the other one', async () => {
    const { value } = await cliJson<AgentsList>(
      'agents.list',
      ['agents', 'list'],
      options('operator', 'plant-2'),
    );
    expect(value.agents).toEqual([]);
    const elsewhere = options('operator', 'plant-2');
    const asked = await cliError(['ask', `${ORG}/plant-1/${DEVICE}`, 'hello'], elsewhere);
    expect(asked.code).toBe(4);
  });

  it('is proved by the doctor', { timeout: 60_000 }, async () => {
    const other = `${ORG}.plant-2.operator`;
    const base = options('operator');
    const { value } = await cliJson<Doctor>(
      'doctor',
      ['doctor', '--other-username', other, '--other-unit', 'plant-2'],
      {
        env: { ...base.env, SHOAL_OTHER_PASSWORD: passwords[other] ?? '' },
      },
    );
    const of = (id: string) => value.checks.find((one) => one.id === id);
    expect(of('isolation')?.detail).toContain('nothing crosses');
    expect(of('anonymous')).toMatchObject({ severity: 'ok' });
    expect(value.checks.filter(({ severity }) => severity === 'error')).toEqual([]);
  });
});

describe('shoal acl', () => {
  let folder: string;
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'shoal-acl-'))));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const plan = ['--org', 'acme', '--unit', 'plant-1', '--device', 'pump-01'];

  it('keeps passwords that exist, and nobody else may read them', async () => {
    const argv = ['acl', '--broker', 'emqx', ...plan, '--out', folder];
    const first = await cliJson<Acl>('acl', argv);
    expect(first.value.passwordsMade).toBe(first.value.principals.length);
    const before = await readFile(join(folder, 'credentials.json'), 'utf8');
    const second = await cliJson<Acl>('acl', [...argv, '--device', 'pump-02']);
    expect(second.value.passwordsMade).toBe(2);
    const after = JSON.parse(await readFile(join(folder, 'credentials.json'), 'utf8')) as Record<
      string,
      string
    >;
    expect(after).toMatchObject(JSON.parse(before) as object);
    expect((await stat(join(folder, 'credentials.json'))).mode & 0o077).toBe(0);
    expect(JSON.stringify(second.value)).not.toContain(after['acme.plant-1.operator']);
  });

  it('writes Erlang terms that end in a denial, and says that EMQX has not read them', async () => {
    const { value } = await cliJson<Acl>('acl', ['acl', '--broker', 'emqx', ...plan]);
    expect(balance(value.rules)).toEqual({ braces: 0, brackets: 0, strings: 'even' });
    const terms = value.rules
      .split(/\.\n/)
      .filter((term) => term.trim() !== '' && !/^%%[^\n]*$/.test(term.trim()));
    for (const term of terms)
      expect(term.replace(/^%%.*\n/, '').trim()).toMatch(/^\{(allow|deny), [\s\S]*\}$/);
    expect(value.rules.trimEnd().endsWith('{deny, all}.')).toBe(true);
    expect(value.limits.join(' ')).toContain('no EMQX has run with it');
  });

  it.each([
    [['acl'], '--org and --unit'],
    [['acl', '--org', 'a', '--unit', 'b', '--device', 'x/y'], 'fleet.units[0].devices[0]'],
    [['acl', '--fleet', '-'], 'fleet.units'],
    [['acl', '--broker', 'hivemq'], 'emqx, mosquitto, shoal'],
  ])('refuses %j', async (argv, message) => {
    const { code, error } = await cliError(argv, { stdin: '{}' });
    expect(code).toBe(2);
    expect(error.message).toContain(message);
  });
});

it('the doctor sees what crosses when rules are too wide', { timeout: 60_000 }, async () => {
  const broker = createBroker({
    authenticate: ({ password }) => password?.toString() === 'p',
    authorize: () => true,
  });
  const { tcp } = await broker.start();
  const env = {
    SHOAL_BROKER_URL: tcp?.url ?? '',
    SHOAL_USERNAME: 'a',
    SHOAL_PASSWORD: 'p',
    SHOAL_OTHER_PASSWORD: 'p',
    SHOAL_TIMEOUT: '20',
  };
  const argv = [
    'doctor',
    '--org',
    'acme',
    '--unit',
    'plant-1',
    '--other-username',
    'b',
    '--other-unit',
    'plant-2',
  ];
  const { value, code } = await cliJson<Doctor>('doctor', argv, { env });
  expect(code).toBe(1);
  const crossed = value.checks.find(({ id }) => id === 'isolation');
  expect(crossed?.severity).toBe('error');
  expect(crossed?.detail).toContain('read $a2a/v1/request/acme/plant-1/');
  await broker.stop();
});

function lookBlueprint(credential: () => { url: string; username: string; password: string }) {
  return defineBlueprint({
    id: 'look',
    description: 'Reads the device, and asks its agent.',
    async run({ org, unit, requester }) {
      const connection = await connectMcp({ ...credential(), serverName: `shoal/${org}/${unit}/${DEVICE}` });
      const described = await callJsonTool(connection.client, 'describe');
      await connection.close();
      const answer = await requester.send({ org, unit, agentId: DEVICE }, { data: { skill: 'status' } });
      const agent = 'status' in answer && answer.status.state === 'TASK_STATE_COMPLETED';
      return { output: { type: String(described['type']), agent } };
    },
  });
}

function actBlueprint() {
  return defineBlueprint({
    id: 'act',
    description: 'Asks the agent of the device to act.',
    async run({ org, unit, requester }) {
      const data = { skill: 'operate', tool: 'set_speed', args: { rpm: 1100 } };
      const answer = await requester.send({ org, unit, agentId: DEVICE }, { data });
      return { output: 'status' in answer ? answer.status.state : 'message' };
    },
  });
}

/** Braces and brackets outside strings. */
function balance(text: string): { braces: number; brackets: number; strings: 'even' | 'odd' } {
  const parts = text.replace(/%%.*$/gm, '').split('"');
  const code = parts.filter((_, i) => i % 2 === 0).join('');
  const count = (open: string, close: string) => code.split(open).length - code.split(close).length;
  return {
    braces: count('{', '}'),
    brackets: count('[', ']'),
    strings: parts.length % 2 === 1 ? 'even' : 'odd',
  };
}
