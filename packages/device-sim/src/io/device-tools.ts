import { McpServer, type CallToolResult } from '@modelcontextprotocol/server';
import * as z from 'zod';
import type { CaptureChunk } from '../core/captures.ts';
import type { CommandAnswer, DeviceCommand } from '../core/device-control.ts';
import { isDeviceSimError } from '../core/errors.ts';
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
  command(command: DeviceCommand): CommandAnswer;
}

/**
 * `_meta['shoal/risk']` of a tool: `read` looks, `setpoint` changes within the limits, `actuate` starts or stops the machine. The
 * annotations say the same in MCP's words.
 */
export type RiskClass = 'read' | 'setpoint' | 'actuate';

const READ_ONLY = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
const SETPOINT = { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false };
const ACTUATE = { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false };

/** The MCP server of one session. The first text block of each result is JSON. */
export function createDeviceServer(controls: DeviceControls): McpServer {
  const server = new McpServer({ name: controls.deviceId, version: '1.0.0' });
  registerReading(server, controls);
  registerActing(server, controls);
  return server;
}

function registerReading(server: McpServer, controls: DeviceControls): void {
  const { bearing, maxCaptureSeconds } = controls.machine;
  server.registerTool(
    'describe',
    {
      description:
        'Type, channels with units and ranges, bearing, nominal speed, limits of the setpoint, and where the data come from.',
      inputSchema: z.object({}),
      annotations: { title: 'Describe the device', ...READ_ONLY },
      _meta: risk('read'),
    },
    () => answer(() => controls.describe()),
  );
  server.registerTool(
    'read_vibration_waveform',
    {
      description:
        'Acceleration at the drive end in g, as base64 of little-endian float32, in pieces. The first call takes a capture; call again ' +
        'with its captureId and nextOffset until nextOffset is null. Also: sampleRateHz, shaftRpm (rpm), total (samples), and the ' +
        'defect orders of the bearing as multiples of the shaft speed.',
      inputSchema: z.object({
        seconds: z
          .number()
          .min(0.05)
          .max(maxCaptureSeconds)
          .optional()
          .describe(`Length in seconds, 0.05 to ${maxCaptureSeconds}; default 1. Only for a new capture.`),
        captureId: z.string().max(100).optional().describe('Of the first piece. Default: a new capture.'),
        offset: z.number().int().min(0).optional().describe('First sample of this piece; default 0.'),
      }),
      annotations: { title: 'Read a vibration waveform', ...READ_ONLY, idempotentHint: false },
      _meta: risk('read'),
    },
    ({ seconds, captureId, offset }) =>
      answer(
        () => ({ ...controls.capture(given({ seconds, captureId, offset })), bearing: { ...bearing } }),
        false,
      ),
  );
}

function registerActing(server: McpServer, controls: DeviceControls): void {
  const { minRpm, maxRpm, setpointEffect } = controls.machine;
  const effect =
    setpointEffect === 'model'
      ? ''
      : ' This device replays recordings: the setpoint is kept and reported, the values stay.';
  const requestId = z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('The same id with the same arguments gets the same answer again.');
  server.registerTool(
    'set_speed',
    {
      description: `Sets the shaft speed, ${minRpm} to ${maxRpm} rpm. Does not start a stopped machine.${effect}`,
      inputSchema: z.object({
        rpm: z.number().min(minRpm).max(maxRpm).describe(`Speed in rpm, ${minRpm} to ${maxRpm}.`),
        requestId,
      }),
      annotations: { title: 'Set the speed', ...SETPOINT },
      _meta: risk('setpoint'),
    },
    ({ rpm, requestId }) =>
      answer(() => controls.command({ kind: 'set_speed', rpm, ...given({ requestId }) })),
  );
  for (const kind of ['stop', 'start'] as const) {
    server.registerTool(
      kind,
      {
        description: `${kind === 'stop' ? 'Stops' : 'Starts'} the machine; doing it twice is doing it once.${effect}`,
        inputSchema: z.object({ requestId }),
        annotations: { title: kind === 'stop' ? 'Stop' : 'Start', ...ACTUATE },
        _meta: risk('actuate'),
      },
      ({ requestId }) => answer(() => controls.command({ kind, ...given({ requestId }) })),
    );
  }
}

const risk = (risk: RiskClass): Record<string, unknown> => ({ 'shoal/risk': risk });

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the properties that are undefined. */
function given<T extends object>(value: T): Given<T> {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as Given<T>;
}

/** Errors of this package become a tool error that says the code and what to do; others are the SDK's to report. */
function answer(produce: () => object, structured = true): CallToolResult {
  try {
    const value = produce() as Record<string, unknown>;
    const content = [{ type: 'text' as const, text: JSON.stringify(value) }];
    // A waveform once is enough.
    return structured ? { content, structuredContent: value } : { content };
  } catch (error) {
    if (!isDeviceSimError(error)) throw error;
    return { content: [{ type: 'text', text: `${error.code}: ${error.message}` }], isError: true };
  }
}
