import { openLink } from '@shoal/mqtt-link';
import { startMosquitto } from '@shoal/mqtt-link/testing';
import type { BenchContext, Benchmark, BenchResult } from '../benchmark.ts';
import { bundle } from '../bundle.ts';
import type { Measured, Target } from '../report.ts';
import { CPU_COMMAND } from '../serve.ts';
import { median } from '../statistics.ts';
import { startWorker, type WorkerProcess } from '../worker.ts';
import type { SideParameters } from './side.ts';

/** Both ends of one side. */
interface Pair {
  readonly requester: WorkerProcess;
  readonly responder: WorkerProcess;
}

/** `http` is the official SDK over HTTP, `adapter` the same over MQTT. */
const SIDES = ['raw', 'link', 'sdk', 'http', 'adapter'] as const;
type Side = (typeof SIDES)[number];
/** These do not stream here. */
const A2A_JS: readonly Side[] = ['http', 'adapter'];

/** Counts are of a slice; a round has `slices` of each measurement, in turns. */
interface Scale {
  readonly slices: number;
  readonly latencyCount: number;
  readonly throughputCount: number;
  readonly crowdCount: number;
  readonly streamItems: number;
  readonly streamCount: number;
}

const FULL: Scale = {
  slices: 10,
  latencyCount: 200,
  throughputCount: 1_000,
  crowdCount: 2_000,
  streamItems: 500,
  streamCount: 1,
};
const QUICK: Scale = {
  slices: 2,
  latencyCount: 100,
  throughputCount: 500,
  crowdCount: 1_000,
  streamItems: 200,
  streamCount: 1,
};

interface Measurement {
  readonly name: string;
  readonly unit: string;
  readonly command: string;
  readonly parameters: (scale: Scale) => { readonly count: number } & Record<string, number>;
  /** The SDK against MQTT.js. */
  readonly target?: Target;
  /** The SDK against the official one over HTTP. */
  readonly httpTarget?: Target;
  /** Also a row for the CPU time that both ends use for one operation: steadier than time on a busy machine. */
  readonly cpuName?: string;
}

const MEASUREMENTS: readonly Measurement[] = [
  {
    name: 'SendMessage, 1 in flight, p50',
    unit: 'ms',
    command: 'latency',
    parameters: ({ latencyCount }) => ({ count: latencyCount }),
    target: { kind: 'at-most', ratio: 1.5 },
    httpTarget: { kind: 'at-most', ratio: 0.4 },
  },
  {
    name: 'SendMessage, 100 in flight',
    unit: '1/s',
    command: 'throughput',
    parameters: ({ throughputCount }) => ({ count: throughputCount, inFlight: 100 }),
    target: { kind: 'at-least', ratio: 0.6 },
    httpTarget: { kind: 'at-least', ratio: 4 },
    cpuName: 'SendMessage, 100 in flight, CPU of both ends',
  },
  {
    name: 'SendMessage, 1,000 in flight',
    unit: '1/s',
    command: 'throughput',
    parameters: ({ crowdCount }) => ({ count: crowdCount, inFlight: 1_000 }),
    httpTarget: { kind: 'at-least', ratio: 4 },
  },
  {
    name: 'streaming item',
    unit: 'us',
    command: 'stream',
    parameters: ({ streamItems, streamCount }) => ({ items: streamItems, count: streamCount }),
    target: { kind: 'at-most', ratio: 1.3 },
  },
];

/**
 * The SDK's SendMessage against MQTT.js alone on one broker, and against the official SDK over HTTP: requester, responder and broker in
 * processes of their own.
 */
export const rpc: Benchmark = { name: 'rpc', run };

async function run(context: BenchContext): Promise<BenchResult> {
  const { options, note } = context;
  const scale = options.quick ? QUICK : FULL;
  const file = await bundle(new URL('./worker.ts', import.meta.url));
  const stops: (() => Promise<void>)[] = [];
  const start = async (role: string, parameters: unknown): ReturnType<typeof startWorker> => {
    const worker = await startWorker(file, role, parameters);
    stops.unshift(() => worker.stop());
    return worker;
  };
  try {
    const url = await startBroker(options.broker, start, stops);
    const sdk: Pair = {
      responder: await start('sdk-responder', { url }),
      requester: await start('sdk-requester', { url }),
    };
    const sizes = await observeSizes(url, sdk.requester);
    const pairs = new Map<Side, Pair>([['sdk', sdk]]);
    for (const side of ['raw', 'link'] as const) {
      const parameters: SideParameters = { url, name: side, ...sizes };
      const responder = await start(`${side}-responder`, parameters);
      pairs.set(side, { responder, requester: await start(`${side}-requester`, parameters) });
    }
    const http = await start('http-responder', {});
    pairs.set('http', {
      responder: http,
      requester: await start('http-requester', { url: http.ready['url'] }),
    });
    pairs.set('adapter', {
      responder: await start('adapter-responder', { url }),
      requester: await start('adapter-requester', { url }),
    });
    const measured = await measure(pairs, scale, options.rounds, note);
    return { measured, settings: { broker: options.broker, qos: 1, store: 'memory', ...sizes, ...scale } };
  } finally {
    for (const stop of stops) await stop();
  }
}

async function startBroker(
  kind: BenchContext['options']['broker'],
  start: (role: string, parameters: unknown) => ReturnType<typeof startWorker>,
  stops: (() => Promise<void>)[],
): Promise<string> {
  if (kind === 'embedded') return String((await start('broker', {})).ready['url']);
  // Raised from 20, which would let only the sides that keep to it wait.
  const mosquitto = await startMosquitto({ config: ['max_inflight_messages 1000'] });
  stops.unshift(() => mosquitto.stop());
  return mosquitto.url;
}

/** The bytes that one request, reply and stream item of the SDK take, which the other sides then send too. */
async function observeSizes(
  url: string,
  sdk: WorkerProcess,
): Promise<Pick<SideParameters, 'requestBytes' | 'replyBytes' | 'itemBytes'>> {
  const observer = await openLink({ url, clientId: 'bench/rpc/observer' });
  const requests: number[] = [];
  const replies: number[] = [];
  await observer.subscribe('$a2a/v1/request/#', ({ payload }) => void requests.push(payload.length));
  await observer.subscribe('$a2a/v1/reply/#', ({ payload }) => void replies.push(payload.length));
  await sdk.call('latency', { count: 1 });
  await observer.publish('bench/round-trip', '');
  const [requestBytes = 0] = requests;
  const [replyBytes = 0] = replies.splice(0);
  await sdk.call('stream', { items: 3, count: 1 });
  await observer.publish('bench/round-trip', '');
  // The task, three items, an artifact, the end.
  const itemBytes = replies[2] ?? 0;
  await observer.close();
  return { requestBytes, replyBytes, itemBytes };
}

/**
 * Sides take turns slice by slice, and begin at another side in the next slice: on a busy machine the moods change within a second,
 * and no side may have the quiet moments. A round's value is the median of its slices.
 */
async function measure(
  pairs: ReadonlyMap<Side, Pair>,
  scale: Scale,
  rounds: number,
  note: (text: string) => void,
): Promise<Measured[]> {
  const results = MEASUREMENTS.map(() => ({ values: noValues(), cpu: noValues() }));
  // Round 0 warms up and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index, measurement] of MEASUREMENTS.entries()) {
      const slices = await measureSlices(pairs, measurement, scale);
      const seen = sidesOf(measurement).map((side) => {
        const [value, cpu] = [median(slices.values[side]), median(slices.cpu[side])];
        if (round > 0) {
          results[index]!.values[side].push(value);
          results[index]!.cpu[side].push(cpu);
        }
        return `${side} ${value.toPrecision(4)} ${measurement.unit} (CPU ${cpu.toPrecision(3)} us)`;
      });
      note(`${round === 0 ? 'warm-up' : `round ${round}`}: ${measurement.name}: ${seen.join(', ')}`);
    }
  }
  return [...rowsOf('sdk', results), ...httpRowsOf(results), ...rowsOf('link', results)];
}

async function measureSlices(
  pairs: ReadonlyMap<Side, Pair>,
  measurement: Measurement,
  scale: Scale,
): Promise<Results> {
  const results = { values: noValues(), cpu: noValues() };
  for (let slice = 0; slice < scale.slices; slice += 1) {
    const sides = sidesOf(measurement);
    for (let turn = 0; turn < sides.length; turn += 1) {
      const side = sides[(slice + turn) % sides.length]!;
      const { value, cpu } = await measureOnce(pairs.get(side)!, measurement, scale);
      results.values[side].push(value);
      results.cpu[side].push(cpu);
    }
  }
  return results;
}

async function measureOnce(
  { requester, responder }: Pair,
  { command, parameters }: Measurement,
  scale: Scale,
): Promise<{ value: number; cpu: number }> {
  const given = parameters(scale);
  const cpuOfBoth = async (): Promise<number> =>
    (await requester.call(CPU_COMMAND)) + (await responder.call(CPU_COMMAND));
  const before = await cpuOfBoth();
  const value = await requester.call(command, given);
  const operations = given.count * (given['items'] ?? 1);
  return { value, cpu: ((await cpuOfBoth()) - before) / operations };
}

interface Results {
  readonly values: Record<Side, number[]>;
  readonly cpu: Record<Side, number[]>;
}

const noValues = (): Record<Side, number[]> => ({ raw: [], link: [], sdk: [], http: [], adapter: [] });

function sidesOf({ command }: Measurement): readonly Side[] {
  return command === 'stream' ? SIDES.filter((side) => !A2A_JS.includes(side)) : SIDES;
}

function rowsOf(side: 'sdk' | 'link', results: readonly Results[]): Measured[] {
  const named = (name: string): string =>
    side === 'sdk' ? name : `mqtt-link: ${name.replace('SendMessage', 'request and reply')}`;
  return MEASUREMENTS.flatMap(({ name, unit, target, cpuName }, index) => {
    const { values, cpu } = results[index]!;
    const row = {
      name: named(name),
      unit,
      values: values[side],
      against: 'MQTT.js',
      baselines: values.raw,
      // What the link alone costs: informs, the SDK has the targets.
      target: side === 'sdk' ? target : undefined,
    };
    if (cpuName === undefined) return [row];
    const cpuRow = {
      ...row,
      name: named(cpuName),
      unit: 'us',
      values: cpu[side],
      baselines: cpu.raw,
      target: undefined,
    };
    return [row, cpuRow];
  });
}

/** Against the official SDK over HTTP on loopback: ours, and the official one itself over MQTT. */
function httpRowsOf(results: readonly Results[]): Measured[] {
  const against = '@a2a-js/sdk over HTTP';
  return MEASUREMENTS.flatMap((measurement, index) => {
    if (!sidesOf(measurement).includes('http')) return [];
    const { name, unit, httpTarget: target } = measurement;
    const { values } = results[index]!;
    const baselines = values.http;
    return [
      { name, unit, values: values.sdk, against, baselines, target },
      { name: `a2a-js-mqtt: ${name}`, unit, values: values.adapter, against, baselines },
    ];
  });
}
