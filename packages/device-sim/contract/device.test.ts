/** A device as others see it: telemetry and tools over a real broker. */
import { createBroker, type Broker } from '@shoal/broker';
import { callJsonTool, connectMcp, type McpConnection } from '@shoal/mcp-mqtt';
import { openLink, type InboundMessage } from '@shoal/mqtt-link';
import {
  deviceTopics,
  parseJson,
  validateTelemetry,
  type Telemetry,
  type ToolApproval,
} from '@shoal/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  decodeSamples,
  deviceMcpServer,
  pumpModel,
  replaySource,
  startDevice,
  type DeviceSource,
  type Fault,
  type StartDeviceOptions,
} from '../src/index.ts';
import { PUMP_BEARING } from '../src/core/bearings.ts';
import { mean } from '../test/run-source.ts';
import { envelope, floorOf, peakNear } from '../test/spectrum.ts';

const pump = { org: 'acme', unit: 'plant-1', deviceId: 'pump-01' };
const model = (faults: readonly Fault[] = []): DeviceSource => pumpModel({ seed: 1, faults });

let broker: Broker;
let url: string;
const closers: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  broker = createBroker({ allowAnonymous: true });
  url = (await broker.start()).tcp!.url;
});
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});
afterAll(() => broker.stop());

const start = async (options: Partial<StartDeviceOptions> = {}) => {
  const device = await startDevice({ url, ...pump, source: model(), speed: 200, ...options });
  closers.push(() => device.stop());
  return device;
};
const connect = async (): Promise<McpConnection> => {
  const connection = await connectMcp({ url, ...deviceMcpServer(pump) });
  closers.push(() => connection.close());
  return connection;
};
/** Collects telemetry; `until` resolves when the predicate holds. */
const listen = async () => {
  const link = await openLink({ url, clientId: `listener-${Math.random().toString(36).slice(2)}` });
  closers.push(() => link.close());
  const records: Telemetry[] = [];
  const messages: InboundMessage[] = [];
  const waiting: { holds: () => boolean; resolve: () => void }[] = [];
  await link.subscribe(deviceTopics(pump).telemetry, (message) => {
    messages.push(message);
    const json = parseJson(message.payload);
    const record = json.ok ? validateTelemetry(json.value) : json;
    if (!record.ok) throw new Error(JSON.stringify(record.violations));
    records.push(record.value);
    for (const { resolve } of waiting.filter(({ holds }) => holds())) resolve();
  });
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => void waiting.push({ holds, resolve }));
  return { records, messages, until };
};

describe('telemetry', () => {
  it('is valid, complete, in order, in device time and without labels', async () => {
    const { records, messages, until } = await listen();
    await start({
      startAt: new Date('2026-01-01T00:00:00Z'),
      source: model([{ kind: 'imbalance', startsAtSample: 5 }]),
    });
    await until(() => records.length >= 40);
    expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index));
    expect(records[10]!.at).toBe('2026-01-01T00:00:10.000Z');
    expect(records[0]!.units).toMatchObject({ vibration1: 'g', flow: 'l/min', pressure: 'bar' });
    expect(Object.keys(records[39]!.channels)).toHaveLength(8);
    expect(messages[39]!.text()).not.toMatch(/truth|anomaly|fault|imbalance/);
    expect(messages[0]).toMatchObject({ qos: 0, retain: false });
  });

  it('shows the fault from its sample on; the truth tells tests alone', async () => {
    const { records, until } = await listen();
    const device = await start({
      source: model([{ kind: 'bearing-inner-race', startsAtSample: 40, rampSamples: 5 }]),
    });
    const truth: boolean[] = [];
    device.onSample((sample) => truth.push(sample.truth.anomaly));
    await until(() => records.length >= 60);
    const vibration = records.map(({ channels }) => channels['vibration1']!);
    expect(mean(vibration.slice(50, 60))).toBeGreaterThan(2 * mean(vibration.slice(0, 40)));
    const first = records.length - truth.length;
    expect(truth.indexOf(true)).toBeLessThanOrEqual(40 - Math.max(0, first));
  });

  it('ends with the recording; the tools stay', async () => {
    const rows = Array.from({ length: 12 }, (_, flow) => ({ channels: { flow } }));
    const entry = {
      file: 'normal.f32',
      label: 'normal',
      shaftRpm: 1797,
      sampleRateHz: 1000,
      samples: 2000,
      faultDiameterInch: null,
    };
    const healthyWaveform = { entry, samples: new Float32Array(2000) };
    const source = replaySource({
      recording: { name: 'a.csv', rows, labelled: false },
      bearing: PUMP_BEARING,
      healthyWaveform,
    });
    const { records, until } = await listen();
    const device = await start({ source });
    await Promise.all([device.ended, until(() => records.length === 12)]);
    expect(device.state).toMatchObject({ samples: 12, ended: true, lost: 0 });
    const { client } = await connect();
    expect(await callJsonTool(client, 'set_speed', { rpm: 1000 })).toMatchObject({
      rpm: 1000,
      effect: 'recorded-only',
    });
    expect(await callJsonTool(client, 'describe')).toMatchObject({
      source: { kind: 'replay' },
      speed: { setpoint: 1000, nominal: 1797 },
    });
  });
});

describe('the tools', () => {
  it('carry units, ranges, hints and a risk class', async () => {
    await start();
    const { tools } = await (await connect()).client.listTools();
    const byName = Object.fromEntries(tools.map((tool) => [tool.name, tool]));
    expect(Object.keys(byName).sort()).toEqual([
      'describe',
      'read_vibration_waveform',
      'set_speed',
      'settle_request',
      'start',
      'stop',
    ]);
    expect(byName['set_speed']).toMatchObject({
      inputSchema: {
        properties: {
          rpm: { minimum: 534, maximum: 1958, unit: 'rpm', description: 'Speed in rpm, 534 to 1958.' },
        },
      },
      annotations: { readOnlyHint: false, idempotentHint: true },
      _meta: { 'shoal/tool': { risk: 'reversible', guarded: true, interlocks: [{ name: 'lockout' }] } },
    });
    expect(byName['stop']).toMatchObject({
      annotations: { destructiveHint: true },
      _meta: { 'shoal/tool': { risk: 'disruptive' } },
    });
    expect(byName['read_vibration_waveform']).toMatchObject({
      annotations: { readOnlyHint: true },
      _meta: { 'shoal/tool': { risk: 'read' } },
    });
  });

  it('describe the device with channels, bearing and limits', async () => {
    await start();
    expect(await callJsonTool((await connect()).client, 'describe')).toMatchObject({
      deviceId: 'pump-01',
      type: 'pump',
      source: { kind: 'model' },
      channels: expect.arrayContaining([
        expect.objectContaining({ name: 'flow', unit: 'l/min', min: 0, max: 300 }),
      ]),
      bearing: { designation: '6205', bpfo: expect.closeTo(3.585, 2) },
      speed: { unit: 'rpm', nominal: 1780, min: 534, max: 1958, running: true },
      telemetry: { topic: 'shoal/v1/acme/plant-1/device/pump-01/telemetry', rateHz: 1 },
    });
  });

  it('give a waveform in pieces of one capture, in which the defect is found', async () => {
    const device = await start({
      source: model([{ kind: 'bearing-outer-race', startsAtSample: 0, rampSamples: 1 }]),
      maxChunkBytes: 16_384,
    });
    const { client } = await connect();
    const read = (args: Record<string, unknown>) => callJsonTool(client, 'read_vibration_waveform', args);
    let piece = await read({ seconds: 2 });
    expect(piece).toMatchObject({
      total: 24_000,
      offset: 0,
      count: 4096,
      nextOffset: 4096,
      unit: 'g',
      shaftRpm: 1780,
      sampleRateHz: 12_000,
    });
    const samples = [...decodeSamples(String(piece['samples']))];
    while (piece['nextOffset'] !== null) {
      piece = await read({ captureId: piece['captureId'], offset: piece['nextOffset'] });
      samples.push(...decodeSamples(String(piece['samples'])));
    }
    expect(samples).toHaveLength(24_000);
    const { bpfo } = piece['bearing'] as { bpfo: number };
    const signal = envelope(Float32Array.from(samples), 12_000, 2000);
    expect(peakNear(signal, 12_000, (bpfo * 1780) / 60) / floorOf(signal, 12_000, 20, 600)).toBeGreaterThan(
      20,
    );
    expect((await read({ captureId: piece['captureId'] }))['samples']).toBe(
      (await read({ captureId: piece['captureId'], offset: 0 }))['samples'],
    );
    expect(device.state.running).toBe(true);
  });

  it('refuse what is out of range or gone, and say what would do', async () => {
    const device = await start();
    const { client } = await connect();
    await expect(callJsonTool(client, 'set_speed', { rpm: 99_999 })).rejects.toThrow(
      /invalid-arguments: rpm is 99999; it must be 534 to 1958 rpm/,
    );
    await expect(callJsonTool(client, 'set_speed', { rpm: 'fast' })).rejects.toThrow(/rpm/);
    await expect(callJsonTool(client, 'read_vibration_waveform', { seconds: 60 })).rejects.toThrow(/seconds/);
    await expect(callJsonTool(client, 'read_vibration_waveform', { captureId: 'old' })).rejects.toThrow(
      /capture-gone: captureId "old" is not kept/,
    );
    await expect(callJsonTool(client, 'read_vibration_waveform', { offset: 1e9 })).rejects.toThrow(/offset/);
    expect(device.state).toMatchObject({ rpm: 1780, running: true });
  });

  it('act once per request id, for all clients of the device', async () => {
    const device = await start({ grant: 'dangerous' });
    const [one, two] = await Promise.all([connect(), connect()]);
    const first = await callJsonTool(one.client, 'set_speed', { rpm: 900, requestId: 'r1' });
    await callJsonTool(two.client, 'stop');
    expect(await callJsonTool(two.client, 'set_speed', { rpm: 900, requestId: 'r1' })).toEqual(first);
    expect(device.state).toMatchObject({ rpm: 900, running: false });
    await expect(callJsonTool(two.client, 'set_speed', { rpm: 901, requestId: 'r1' })).rejects.toThrow(
      /request-conflict/,
    );
    expect(await callJsonTool(one.client, 'start')).toMatchObject({
      running: true,
      rpm: 900,
      previous: { running: false },
    });
  });

  it('change what the model does', async () => {
    const { records, until } = await listen();
    await start({ grant: 'dangerous' });
    const { client } = await connect();
    await callJsonTool(client, 'set_speed', { rpm: 900 });
    await until(() => (records.at(-1)?.channels['flow'] ?? 999) < 70);
    await callJsonTool(client, 'stop');
    const still = (): boolean => (records.at(-1)?.channels['vibration1'] ?? 999) < 0.01;
    await until(() => records.at(-1)?.channels['flow'] === 0 && still());
    expect(records.at(-1)!.channels['current']).toBeLessThan(0.2);
  });
});

describe('what the device refuses, whoever asks', () => {
  const topic = (id: string) => deviceTopics(pump).approval(id);
  const approve = async (approvalId: string, change: Partial<ToolApproval> = {}, retain = true) => {
    const link = await openLink({ url, clientId: `approver-${approvalId}` });
    const record: ToolApproval = {
      schemaVersion: 1,
      approvalId,
      deviceId: pump.deviceId,
      tool: 'stop',
      args: {},
      action: 'approve',
      by: 'ada',
      at: new Date().toISOString(),
      expiresAt: new Date(Date.now() + 60_000).toISOString(),
      ...change,
    };
    closers.push(async () => {
      await link.publish(topic(approvalId), '', { retain: true });
      await link.close();
    });
    await link.publish(topic(approvalId), JSON.stringify(record), { retain });
  };
  const refusalOf = async (
    client: McpConnection['client'],
    tool: string,
    args: Record<string, unknown> = {},
  ) => {
    const result = await client.callTool({ name: tool, arguments: args });
    return (result.structuredContent as { refusal?: unknown } | undefined)?.refusal;
  };

  it('names the approval that it needs, and takes the retained one once', async () => {
    const device = await start();
    const { client } = await connect();
    expect(await refusalOf(client, 'stop')).toMatchObject({
      code: 'approval-required',
      approval: { tool: 'stop', risk: 'disruptive', grant: 'reversible', topic: topic('ID') },
    });
    expect(await refusalOf(client, 'stop', { approvalId: 'a1' })).toMatchObject({
      code: 'approval-required',
    });
    await approve('a1');
    expect(await refusalOf(client, 'stop', { approvalId: 'a1', dryRun: true })).toBeUndefined();
    expect(device.state.running).toBe(true);
    const first = await callJsonTool(client, 'stop', { approvalId: 'a1', requestId: 'r1' });
    expect(device.state.running).toBe(false);
    expect(await callJsonTool(client, 'stop', { approvalId: 'a1', requestId: 'r1' })).toEqual(first);
    expect(await refusalOf(client, 'stop', { approvalId: 'a1', requestId: 'r2' })).toMatchObject({
      code: 'approval-used',
    });
  });

  it.each([
    ['is for another device', { deviceId: 'pump-02' }, /device pump-02/],
    ['is for another tool', { tool: 'start' }, /tool start/],
    ['is for other arguments', { args: { now: true } }, /other arguments/],
    ['is a denial', { action: 'deny' as const }, /denied by ada/],
    ['has expired', { expiresAt: new Date(Date.now() - 1).toISOString() }, /expired/],
    ['stands too long', { expiresAt: new Date(Date.now() + 7_200_000).toISOString() }, /longer than an hour/],
    ['is of somebody else', { by: 'mallory' }, /mallory is no approver/],
  ])('does not take an approval that %s', async (_, change, reason) => {
    const device = await start({ approvers: ['ada'] });
    const { client } = await connect();
    await approve('a2', change);
    expect(await refusalOf(client, 'stop', { approvalId: 'a2' })).toMatchObject({
      code: 'approval-invalid',
      message: expect.stringMatching(reason),
    });
    expect(device.state.running).toBe(true);
  });

  it('does not take an approval that is sent but not retained, malformed, or taken back', async () => {
    const device = await start();
    const { client } = await connect();
    await approve('a3', {}, false);
    await approve('a4', { action: 'maybe' as never });
    await approve('a5');
    expect(await refusalOf(client, 'stop', { approvalId: 'a5', dryRun: true })).toBeUndefined();
    for (const approvalId of ['a3', 'a4', '../a5', 'a5/x'])
      expect(await refusalOf(client, 'stop', { approvalId })).toMatchObject({ code: 'approval-required' });
    const link = await openLink({ url, clientId: 'revoker' });
    await link.publish(topic('a5'), '', { retain: true });
    await link.close();
    expect(await refusalOf(client, 'stop', { approvalId: 'a5', dryRun: true })).toMatchObject({
      code: 'approval-required',
    });
    expect(device.state.running).toBe(true);
  });

  it('obeys the lock at the machine whatever is granted, and says who locked it', async () => {
    const device = await start({ grant: 'dangerous' });
    const { client } = await connect();
    device.lockOut('fitter 7');
    for (const [tool, args] of [
      ['start', {}],
      ['set_speed', { rpm: 900 }],
    ] as const)
      expect(await refusalOf(client, tool, args)).toMatchObject({
        code: 'interlock',
        interlock: { name: 'lockout', state: 'locked by fitter 7' },
      });
    expect(device.state.rpm).toBe(1780);
    expect(await callJsonTool(client, 'stop')).toMatchObject({ running: false });
    device.lockOut(undefined);
    expect(await callJsonTool(client, 'set_speed', { rpm: 900 })).toMatchObject({ rpm: 900 });
  });

  it('says what would happen without doing it, and refuses what a call would', async () => {
    const device = await start();
    const { client } = await connect();
    expect(await callJsonTool(client, 'set_speed', { rpm: 900, dryRun: true })).toMatchObject({
      dryRun: true,
      would: { rpm: 900, previous: { rpm: 1780 } },
    });
    expect(await refusalOf(client, 'set_speed', { rpm: 1, dryRun: true })).toMatchObject({
      code: 'invalid-arguments',
      argument: { name: 'rpm', minimum: 534, maximum: 1958, unit: 'rpm' },
    });
    expect(device.state.rpm).toBe(1780);
  });

  it('tells who lost an answer what was done, or that it never will be', async () => {
    const device = await start();
    const { client } = await connect();
    const answer = await callJsonTool(client, 'set_speed', { rpm: 900, requestId: 'k1' });
    expect(await callJsonTool(client, 'settle_request', { requestId: 'k1' })).toMatchObject({
      state: 'done',
      answer,
      keptSeconds: 3600,
    });
    expect(await callJsonTool(client, 'settle_request', { requestId: 'k2' })).toMatchObject({
      state: 'not-done',
    });
    expect(await refusalOf(client, 'set_speed', { rpm: 1000, requestId: 'k2' })).toMatchObject({
      code: 'request-settled',
    });
    expect(device.state.rpm).toBe(900);
  });
});

it('a device that cannot be one is refused with the field named', async () => {
  await expect(start({ deviceId: 'a/b' })).rejects.toThrow(/deviceId/);
  await expect(start({ speed: 0 })).rejects.toThrow(/speed is 0; it must be 0.001 to 10000/);
  await expect(start({ rateHz: Number.NaN })).rejects.toThrow(/rateHz is NaN/);
});
