import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  DeviceCall,
  DeviceCommandRow,
  DeviceCommands,
  DevicesList,
  DevicesWatch,
  DeviceTools,
} from '../src/shapes/devices.ts';
import { cli, cliError, cliJson } from './cli.ts';
import { startWorld, type World } from './world.ts';

describe('shoal devices', () => {
  let world: World;
  let device: string;
  beforeAll(async () => {
    world = await startWorld();
    device = await world.startDevice();
  });
  afterAll(() => world.stop());

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
    await world.startDeviceAgent(device);
    const { value } = await cliJson<DeviceCall>('devices.call', setSpeed(['--yes']), world.options);
    expect(value).toMatchObject({ via: 'agent', ok: true });
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
  ])('%j ends with %i', async (argv, code) => {
    const named = argv.map((arg) => (arg === 'DEVICE' ? device : arg));
    expect((await cliError(named, world.options)).code).toBe(code);
  });
});
