import { callJsonTool, connectMcp } from '@shoal/mcp-mqtt';
import type { StepContext } from '@shoal/workflow';
import { StepError } from '@shoal/workflow';

export interface Waveform {
  readonly samples: Float32Array;
  readonly sampleRateHz: number;
  readonly shaftRpm: number;
  /** Defect frequencies of the bearing as multiples of the shaft speed. */
  readonly orders: {
    readonly bpfo: number;
    readonly bpfi: number;
    readonly bsf: number;
    readonly ftf: number;
  };
}

export interface DeviceTools {
  describe(): Promise<Record<string, unknown>>;
  /** The latest seconds of vibration, put together from chunks of one capture. */
  readWaveform(seconds: number): Promise<Waveform>;
  close(): Promise<void>;
}

const MAX_CHUNKS = 1000;

/** Opens an MCP session with the device over the broker. Reading tools need no fence: they change nothing. */
export async function openDeviceTools(
  url: string,
  context: StepContext,
  deviceId: string,
): Promise<DeviceTools> {
  const { org, unit, signal, logger } = context;
  const connection = await connectMcp({ url, serverName: `shoal/${org}/${unit}/${deviceId}`, logger });
  const call = (tool: string, args: Record<string, unknown> = {}) =>
    callJsonTool(connection.client, tool, args, { signal });
  return {
    describe: () => call('describe'),
    readWaveform: (seconds) => readWaveform(call, seconds),
    close: () => connection.close(),
  };
}

type Call = (tool: string, args: Record<string, unknown>) => Promise<Record<string, unknown>>;

async function readWaveform(call: Call, seconds: number): Promise<Waveform> {
  const chunks: Buffer[] = [];
  let page = await call('read_vibration_waveform', { seconds });
  const first = page;
  for (let count = 1; ; count += 1) {
    chunks.push(Buffer.from(String(page['samples']), 'base64'));
    const { nextOffset } = page;
    if (typeof nextOffset !== 'number') break;
    if (count >= MAX_CHUNKS)
      throw new StepError('WAVEFORM_TOO_LONG', `the waveform has more than ${MAX_CHUNKS} chunks`);
    page = await call('read_vibration_waveform', { captureId: first['captureId'], offset: nextOffset });
  }
  const bearing = first['bearing'] as Waveform['orders'];
  return {
    samples: decodeFloat32(Buffer.concat(chunks)),
    sampleRateHz: positive(first, 'sampleRateHz'),
    shaftRpm: positive(first, 'shaftRpm'),
    orders: {
      bpfo: positive(bearing, 'bpfo'),
      bpfi: positive(bearing, 'bpfi'),
      bsf: positive(bearing, 'bsf'),
      ftf: positive(bearing, 'ftf'),
    },
  };
}

function decodeFloat32(bytes: Buffer): Float32Array {
  const samples = new Float32Array(Math.floor(bytes.length / 4));
  for (let i = 0; i < samples.length; i += 1) samples[i] = bytes.readFloatLE(i * 4);
  return samples;
}

function positive(fields: object, name: string): number {
  const value = (fields as Record<string, unknown>)[name];
  if (typeof value === 'number' && value > 0) return value;
  throw new StepError('WAVEFORM_INVALID', `read_vibration_waveform: ${name} must be a number above 0`);
}
