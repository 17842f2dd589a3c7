import type { Target } from '../report.ts';
import type { Contender } from './contenders.ts';
import type { Qos, Version } from './generator/lean-client.ts';

/** One measured number of a slice, and how it is reported. */
export interface Quantity {
  /** Behind the name of the scenario. */
  readonly name: string;
  readonly unit: string;
  /** Field of what the command returns; unset: the number itself. */
  readonly field?: string;
  /** By baseline; without one the row informs. */
  readonly targets?: Partial<Record<Contender, Target>>;
}

/** What is done in one slice, the same for every contender. */
export interface Scenario {
  readonly name: string;
  /** For `--only`. */
  readonly group: 'throughput' | 'latency' | 'durable' | 'crowd';
  readonly value: Contender;
  readonly baselines: readonly Contender[];
  readonly command: 'throughput' | 'away' | 'latency' | 'cards' | 'storm' | 'idle' | 'wills';
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly quantities: readonly Quantity[];
  /** Left out with `--quick`. */
  readonly long?: boolean;
}

interface Shape {
  readonly name: string;
  readonly groups: number;
  readonly publishers: number;
  readonly subscribers: number;
  readonly window: number;
  /** Of memory mode to Mosquitto, MQTT 5. */
  readonly ratio: number;
}

const SHAPES: readonly Shape[] = [
  { name: '1:1', groups: 1, publishers: 1, subscribers: 1, window: 1_000, ratio: 2 },
  { name: 'fan-in 50:1', groups: 1, publishers: 50, subscribers: 1, window: 20, ratio: 1 },
  { name: 'fan-out 1:100', groups: 1, publishers: 1, subscribers: 100, window: 50, ratio: 2 },
  { name: '100 pairs', groups: 100, publishers: 1, subscribers: 1, window: 10, ratio: 1 },
];
const QOS: readonly Qos[] = [0, 1, 2];

const atLeast = (ratio: number): Target => ({ kind: 'at-least', ratio });

const perSecond = (targets?: Quantity['targets']): readonly Quantity[] => [
  { name: '', unit: '1/s', field: 'deliveredPerSecond', ...(targets === undefined ? {} : { targets }) },
  { name: ", for a second of the broker's CPU", unit: '1/s', field: 'deliveredPerCpuSecond' },
];

function throughput(shape: Shape, qos: Qos, version: Version): Scenario {
  const { name, ratio, ...counts } = shape;
  return {
    name: `${name}, QoS ${qos}, MQTT ${version === 5 ? '5' : '3.1.1'}`,
    group: 'throughput',
    value: 'embedded',
    // aedes knows MQTT 3.1.1 only.
    baselines: version === 5 ? ['mosquitto'] : ['mosquitto', 'aedes'],
    command: 'throughput',
    parameters: { ...counts, qos, version, persistent: false },
    quantities: perSecond(version === 5 ? { mosquitto: atLeast(ratio) } : undefined),
    long: qos === 2 || version === 4,
  };
}

/** Subscribers with sessions that outlive them, so that what is queued for them has to be kept. */
function durable(shape: Shape, qos: Qos): Scenario {
  const { name, ratio: _, ...counts } = shape;
  return {
    name: `on disk: ${name}, QoS ${qos}, MQTT 5`,
    group: 'durable',
    value: 'durable',
    baselines: ['embedded', 'mosquittoPersistent'],
    command: 'throughput',
    parameters: { ...counts, qos, version: 5, persistent: true },
    quantities: perSecond({ embedded: atLeast(0.5) }),
    long: shape.name !== '1:1' || qos !== 1,
  };
}

/** Receivers that are away, so that every message has to be written before it is acknowledged. */
function away(qos: Qos): Scenario {
  return {
    name: `on disk: 10 publishers to receivers that are away, QoS ${qos}, MQTT 5`,
    group: 'durable',
    value: 'durable',
    baselines: ['embedded', 'mosquittoPersistent'],
    command: 'away',
    parameters: { pairs: 10, window: 100, qos, version: 5 },
    quantities: [
      { name: '', unit: '1/s', field: 'acknowledgedPerSecond', targets: { embedded: atLeast(0.5) } },
      { name: ", for a second of the broker's CPU", unit: '1/s', field: 'acknowledgedPerCpuSecond' },
    ],
    long: true,
  };
}

function latency(name: string, subscribers: number, qos: Qos, messagesPerSecond: number): Scenario {
  return {
    name: `${name}, QoS ${qos}, MQTT 5, ${messagesPerSecond} messages a second`,
    group: 'latency',
    value: 'embedded',
    baselines: ['mosquitto', 'mosquittoDefault'],
    command: 'latency',
    parameters: { subscribers, qos, version: 5, messagesPerSecond },
    quantities: [
      { name: ', p50', unit: 'ms', field: 'p50Ms' },
      { name: ', p99', unit: 'ms', field: 'p99Ms' },
    ],
    long: qos !== 1,
  };
}

const CROWD: readonly Scenario[] = [
  ...([0, 1] as const).map((qos): Scenario => ({
    name: `10,000 retained cards to a new subscriber, QoS ${qos}`,
    group: 'crowd',
    value: 'embedded',
    baselines: ['mosquitto'],
    command: 'cards',
    parameters: { qos, version: 5, count: 10_000 },
    quantities: [{ name: '', unit: 'ms', targets: { mosquitto: { kind: 'at-most', ratio: 1 } } }],
    long: true,
  })),
  {
    name: '1,000 clients connect at once',
    group: 'crowd',
    value: 'embedded',
    baselines: ['mosquitto'],
    command: 'storm',
    parameters: { version: 5, count: 1_000 },
    quantities: [{ name: '', unit: 'ms' }],
    long: true,
  },
  {
    name: '1,000 clients killed at once, until the last will',
    group: 'crowd',
    value: 'embedded',
    baselines: ['mosquitto'],
    command: 'wills',
    parameters: { version: 5, count: 1_000 },
    quantities: [{ name: '', unit: 'ms' }],
    long: true,
  },
  {
    name: '10,000 idle connections, memory of one',
    group: 'crowd',
    value: 'embedded',
    baselines: ['mosquitto', 'aedes'],
    command: 'idle',
    // The version that aedes knows.
    parameters: { version: 4, count: 10_000 },
    quantities: [{ name: '', unit: 'B', targets: { mosquitto: { kind: 'at-most', value: 16 * 1024 } } }],
    long: true,
  },
];

export const SCENARIOS: readonly Scenario[] = [
  ...SHAPES.flatMap((shape) => QOS.map((qos) => throughput(shape, qos, 5))),
  ...SHAPES.flatMap((shape) => QOS.map((qos) => throughput(shape, qos, 4))),
  ...SHAPES.flatMap((shape) => ([1, 2] as const).map((qos) => durable(shape, qos))),
  ...([1, 2] as const).map(away),
  ...QOS.map((qos) => latency('1:1', 1, qos, 2_000)),
  latency('fan-out 1:100', 100, 1, 100),
  ...CROWD,
];
