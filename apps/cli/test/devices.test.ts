import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLink, readRetained } from '@shoal/mqtt-link';
import { deviceTopics } from '@shoal/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  DeviceApproval,
  DeviceCall,
  DeviceCommandRow,
  DeviceCommands,
  DevicesList,
  DevicesWatch,
  DeviceTools,
} from '../src/shapes/devices.ts';
import { cli, cliError, cliJson } from './cli.ts';
import { ORG, startWorld, UNIT, type World } from './world.ts';

/** The key of an approver in a file, and files that are none. */
async function approver() {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-approver-'));
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const write = async (name: string, content: unknown): Promise<string> => {
    const file = join(folder, name);
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
    return file;
  };
  const secret = privateKey.export({ format: 'jwk' });
  const open = { ...publicKey.export({ format: 'jwk' }), kid: 'ada-1' };
  return {
    folder,
    publicKey: open,
    file: await write('ada.jwk', { ...secret, kid: 'ada-1' }),
    odd: {
      PUBLIC: await write('public.jwk', open),
      NAMELESS: await write('nameless.jwk', secret),
      PEM: await write('ada.pem', privateKey.export({ format: 'pem', type: 'pkcs8' })),
    },
  };
}

describe('shoal devices', () => {
  let world: World;
  let device: string;
  let ada: Awaited<ReturnType<typeof approver>>;
  beforeAll(async () => {
    ada = await approver();
    world = await startWorld();
    device = await world.startDevice();
  });
  afterAll(async () => {
    await world.stop();
    await rm(ada.folder, { recursive: true });
  });

  it('lists devices with their agents', async () => {
    const { value } = await cliJson<DevicesList>('devices.list', ['devices', 'list'], world.options);
    expect(value.devices).toMatchObject([{ deviceId: device, type: 'pump', agent: null }]);
    expect((await cli(['devices', 'list'], world.options)).stdout).toContain(device);
  });

  it('shows telemetry', async () => {
    const argv = ['devices', 'watch', device, '--count', '2', '--channel', 'pressure'];
    const { value } = await cliJson<DevicesWatch>('devices.watch', argv, world.options);
    expect(value.samples).toHaveLength(2);
    expect(Object.keys(value.samples[0]?.channels ?? {})).toEqual(['pressure']);
    const { stdout } = await cli(['devices', 'watch', '--count', '1'], world.options);
    expect(stdout).toContain(device);
  });

  it('lists tools with their risk', async () => {
    const { value } = await cliJson<DeviceTools>(
      'devices.tools',
      ['devices', 'tools', device],
      world.options,
    );
    expect(value.tools.find(({ name }) => name === 'describe')?.risk).toBe('read');
    expect(value.tools.find(({ name }) => name === 'set_speed')?.risk).toBe('reversible');
    expect(value.tools.find(({ name }) => name === 'stop')?.risk).toBe('disruptive');
  });

  it('calls a reading tool at once', async () => {
    const { value } = await cliJson<DeviceCall>(
      'devices.call',
      ['devices', 'call', device, 'describe'],
      world.options,
    );
    expect(value).toMatchObject({ via: 'device', ok: true, risk: 'read' });
  });

  const setSpeed = (more: readonly string[]): string[] => [
    'devices',
    'call',
    device,
    'set_speed',
    '--args',
    '{"rpm":1200}',
    ...more,
  ];

  it('acts only when told so, and only through the agent of the device', async () => {
    const unconfirmed = await cliError(setSpeed([]), world.options);
    expect(unconfirmed).toMatchObject({ code: 2, error: { code: 'not-confirmed' } });
    const noAgent = await cliError(setSpeed(['--yes']), world.options);
    expect(noAgent).toMatchObject({ code: 3, error: { code: 'no-device-agent' } });
    const direct = await cliJson<DeviceCall>('devices.call', setSpeed(['--yes', '--direct']), world.options);
    expect(direct.value).toMatchObject({ via: 'device', ok: true });
    await world.startDeviceAgent(device, { ada: [ada.publicKey] });
    const { value } = await cliJson<DeviceCall>('devices.call', setSpeed(['--yes']), world.options);
    expect(value).toMatchObject({ via: 'agent', ok: true });
  });

  const stop = (id: string) =>
    cliJson<DeviceCall>(
      'devices.call',
      ['devices', 'call', device, 'stop', '--yes', '--approval', id],
      world.options,
    );

  it('has a tool done that needs a word: signed by whom it names, of these arguments, and nothing less', async () => {
    const approve = async (...more: readonly string[]): Promise<DeviceApproval> => {
      const argv = ['devices', 'approve', device, 'stop', '--by', 'ada', ...more];
      return (await cliJson<DeviceApproval>('devices.approval', argv, world.options)).value;
    };
    const unsigned = await approve('--id', 'a-1');
    expect(unsigned).toMatchObject({ approvalId: 'a-1', by: 'ada', args: {}, signedWith: null });
    // A signature takes a moment to look at; until then the approval counts as not there.
    const whyRefused = async (id: string) => (await stop(id)).value.error;
    await expect.poll(() => whyRefused('a-1')).toMatch(/not signed/);
    expect(await stop('a-1')).toMatchObject({ code: 7, value: { via: 'agent', ok: false } });
    await approve('--id', 'a-2', '--args', '{"force":true}', '--signing-key', ada.file);
    await expect.poll(() => whyRefused('a-2')).toMatch(/other arguments/);
    await cli(
      ['devices', 'deny', device, 'stop', '--by', 'ada', '--id', 'a-3', '--signing-key', ada.file],
      world.options,
    );
    await expect.poll(() => whyRefused('a-3')).toMatch(/denied by ada/);
    const signed = await approve('--signing-key', ada.file, '--within', '60', '--reason', 'hot');
    expect(signed).toMatchObject({ signedWith: 'ada-1', reason: 'hot' });
    expect(Date.parse(signed.expiresAt) - Date.parse(signed.at)).toBe(60_000);
    const withdraw = ['devices', 'withdraw', device];
    const taken = await cliJson('devices.withdrawal', [...withdraw, signed.approvalId], world.options);
    expect(taken.value).toMatchObject({
      approvalId: signed.approvalId,
      tool: 'stop',
      by: 'ada',
      used: false,
    });
    expect(await whyRefused(signed.approvalId)).toMatch(/none is retained/);
    const again = await cliError([...withdraw, signed.approvalId], world.options);
    expect(again).toMatchObject({ code: 3, error: { code: 'no-such-approval' } });
    const meant = await approve('--signing-key', ada.file);
    await expect.poll(async () => (await stop(meant.approvalId)).value.ok).toBe(true);
    const late = await cliError([...withdraw, meant.approvalId], world.options);
    expect(late).toMatchObject({ code: 7, error: { code: 'too-late' } });
    expect(late.error.message).toMatch(/was used: stop was called/);
  });

  it('leaves a word on one call that ends with the time it is for', async () => {
    const argv = ['devices', 'approve', device, 'stop', '--by', 'ada', '--id', 'a-9', '--within', '60'];
    expect((await cli(argv, world.options)).code).toBe(0);
    const link = await openLink({ url: world.url, clientId: `${ORG}/${UNIT}/reader` });
    const topic = deviceTopics({ org: ORG, unit: UNIT, deviceId: device }).approval('a-9');
    const seconds = (await readRetained(link, topic)).get(topic)?.messageExpirySeconds ?? Infinity;
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
    await link.close();
  });

  it.each([
    ['without a file', ['--signing-key', '/nowhere/ada.jwk'], /ENOENT/],
    ['that is public', ['--signing-key', 'PUBLIC'], /no private key/],
    ['without a kid', ['--signing-key', 'NAMELESS'], /no kid.*--kid/],
    ['that is no JWK', ['--signing-key', 'PEM'], /holds no JWK/],
    ['but only its name', ['--kid', 'ada-1'], /--signing-key/],
  ])('signs with no key %s', async (_, argv, why) => {
    const files: Readonly<Record<string, string>> = ada.odd;
    const flags = argv.map((arg) => files[arg] ?? arg);
    const { code, error } = await cliError(['devices', 'approve', device, 'stop', ...flags], world.options);
    expect(code).toBe(2);
    expect(error.message).toMatch(why);
  });

  it('leaves commands for a device that is there, or not, and takes them back', async () => {
    const command = (name: string, ...more: readonly string[]): string[] => [
      'devices',
      'command',
      name,
      'set_speed',
      '--args',
      '{"rpm":1300}',
      ...more,
    ];
    const run = (argv: readonly string[]) =>
      cliJson<DeviceCommandRow>('devices.command', [...argv], world.options);
    const unconfirmed = await cliError(command(device), world.options);
    expect(unconfirmed).toMatchObject({ code: 2, error: { code: 'not-confirmed' } });
    const done = await run(command(device, '--yes', '--wait', '--by', 'ops'));
    expect(done.value).toMatchObject({ state: 'done', by: 'ops', result: { rpm: 1300 } });
    const queued = await run(command('far-away', '--yes', '--id', 'c-1'));
    expect(queued.value).toMatchObject({ state: 'queued', commandId: 'c-1', trail: [] });
    const cancel = ['devices', 'cancel', 'far-away'];
    expect((await run([...cancel, 'c-1', '--reason', 'too late'])).value.state).toBe('canceled');
    const { value } = await cliJson<DeviceCommands>(
      'devices.commands',
      ['devices', 'commands', 'far-away'],
      world.options,
    );
    expect(value.commands.map(({ state }) => state)).toEqual(['canceled']);
    expect((await cli(['devices', 'commands', device], world.options)).stdout).toMatch(/done +set_speed/);
    const nothing = await cliError([...cancel, 'c-2'], world.options);
    expect(nothing).toMatchObject({ code: 3, error: { code: 'no-such-command' } });
    const ended = await cliError(['devices', 'cancel', device, done.value.commandId], world.options);
    expect(ended).toMatchObject({ error: { code: 'too-late' } });
    const never = await cliError(command(device, '--yes', '--within', '0'), world.options);
    expect(never).toMatchObject({ code: 2, error: { code: 'invalid-command' } });
  });

  it.each([
    [['devices', 'tools', 'nothing'], 3],
    [['devices', 'call', 'DEVICE', 'fly'], 3],
    [['devices', 'call', 'DEVICE', 'describe', '--args', '[]'], 2],
    [['devices', 'watch', 'DEVICE', '--count', 'many'], 2],
    [['devices', 'approve', 'DEVICE', 'stop', '--within', '3601'], 2],
    [['devices', 'approve', 'DEVICE', 'stop', '--args', '[]'], 2],
  ])('%j ends with %i', async (argv, code) => {
    const named = argv.map((arg) => (arg === 'DEVICE' ? device : arg));
    expect((await cliError(named, world.options)).code).toBe(code);
  });
});
