import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeviceCall, DevicesList, DevicesWatch, DeviceTools } from '../src/shapes/devices.ts';
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
