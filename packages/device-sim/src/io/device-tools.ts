import { McpServer } from '@modelcontextprotocol/server';
import {
  defineDeviceTool,
  registerDeviceTools,
  type DeviceTool,
  type DeviceToolGuard,
  type Interlock,
} from '@shoal/device-tools';
import { Type } from 'typebox';
import type { CaptureChunk } from '../core/captures.ts';
import type { CommandAnswer, DeviceCommand } from '../core/device-control.ts';
import type { MachineDescription } from '../core/source.ts';

/** What the tools may do with a device. */
export interface DeviceControls {
  readonly deviceId: string;
  readonly machine: MachineDescription;
  describe(): Record<string, unknown>;
  /** Without `captureId` a new capture is taken. */
  capture(request: {
    readonly seconds?: number;
    readonly captureId?: string;
    readonly offset?: number;
  }): CaptureChunk;
  /** What a command would do, without doing it. */
  preview(command: DeviceCommand): CommandAnswer;
  command(command: DeviceCommand): CommandAnswer;
}

/** A person at the machine has locked it: nothing sets it in motion. */
export const LOCKOUT = 'lockout';

/** Above this the motor is not started: windings age twice as fast for each 10 K, and a start heats most. */
const HOT_CELSIUS = 90;

/** The MCP server of one session. The first text block of each result is JSON. */
export function createDeviceServer(deviceId: string, guard: DeviceToolGuard): McpServer {
  const server = new McpServer({ name: deviceId, version: '1.0.0' });
  registerDeviceTools(server, guard);
  return server;
}

export function deviceTools(controls: DeviceControls): DeviceTool[] {
  return [...readingTools(controls), ...actingTools(controls)];
}

function readingTools(controls: DeviceControls): DeviceTool[] {
  const { bearing, maxCaptureSeconds } = controls.machine;
  return [
    defineDeviceTool({
      name: 'describe',
      title: 'Describe the device',
      description:
        'Type, channels with units and ranges, bearing, nominal speed, limits of the setpoint, and where the data come from.',
      risk: 'read',
      run: () => controls.describe(),
    }),
    defineDeviceTool({
      name: 'read_vibration_waveform',
      title: 'Read a vibration waveform',
      description:
        'Acceleration at the drive end in g, as base64 of little-endian float32, in pieces. The first call takes a capture; call again ' +
        'with its captureId and nextOffset until nextOffset is null. Also: sampleRateHz, shaftRpm (rpm), total (samples), and the ' +
        'defect orders of the bearing as multiples of the shaft speed.',
      risk: 'read',
      idempotent: false,
      structured: false,
      args: {
        seconds: Type.Optional(
          Type.Number({
            minimum: 0.05,
            maximum: maxCaptureSeconds,
            unit: 's',
            description: `Length in seconds, 0.05 to ${maxCaptureSeconds}; default 1. Only for a new capture.`,
          }),
        ),
        captureId: Type.Optional(
          Type.String({ maxLength: 100, description: 'Of the first piece. Default: a new capture.' }),
        ),
        offset: Type.Optional(
          Type.Integer({
            minimum: 0,
            maximum: 1e9,
            unit: '1',
            description: 'First sample of this piece; default 0.',
          }),
        ),
      },
      run: (request) => ({ ...controls.capture(request), bearing: { ...bearing } }),
    }),
  ];
}

function actingTools(controls: DeviceControls): DeviceTool[] {
  const { minRpm, maxRpm, setpointEffect, channels } = controls.machine;
  const effect =
    setpointEffect === 'model'
      ? ''
      : ' This device replays recordings: the setpoint is kept and reported, the values stay.';
  const lockout: Interlock = { name: LOCKOUT, description: 'Somebody has locked the machine on the spot.' };
  const hot: Interlock = {
    name: 'motor-hot',
    description: `No start above ${HOT_CELSIUS} °C at the motor.`,
    blockedWhen: { channel: 'motorTemperature', unit: '°C', above: HOT_CELSIUS },
  };
  const hasMotorTemperature = channels.some(({ name }) => name === 'motorTemperature');
  const onOff = (kind: 'start' | 'stop') => ({
    name: kind,
    title: kind === 'stop' ? 'Stop' : 'Start',
    description: `${kind === 'stop' ? 'Stops' : 'Starts'} the machine; doing it twice is doing it once.${effect}`,
    idempotent: true,
    preview: () => ({ ...controls.preview({ kind }) }),
    run: () => ({ ...controls.command({ kind }) }),
  });
  return [
    defineDeviceTool({
      name: 'set_speed',
      title: 'Set the speed',
      description: `Sets the shaft speed, ${minRpm} to ${maxRpm} rpm. Does not start a stopped machine.${effect}`,
      risk: 'reversible',
      idempotent: true,
      args: {
        rpm: Type.Number({
          minimum: minRpm,
          maximum: maxRpm,
          unit: 'rpm',
          description: `Speed in rpm, ${minRpm} to ${maxRpm}.`,
        }),
      },
      interlocks: [lockout],
      preview: ({ rpm }) => ({ ...controls.preview({ kind: 'set_speed', rpm }) }),
      run: ({ rpm }) => ({ ...controls.command({ kind: 'set_speed', rpm }) }),
    }),
    defineDeviceTool({ ...onOff('stop'), risk: 'disruptive' }),
    defineDeviceTool({
      ...onOff('start'),
      risk: 'dangerous',
      interlocks: hasMotorTemperature ? [lockout, hot] : [lockout],
    }),
  ];
}
