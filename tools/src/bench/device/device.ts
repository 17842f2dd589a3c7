import { setTimeout as delay } from 'node:timers/promises';
import type { BenchContext, Benchmark, BenchResult } from '../benchmark.ts';
import { cpuMicrosecondsOf, residentBytesOf } from '../broker/process-usage.ts';
import { bundle } from '../bundle.ts';
import type { Measured } from '../report.ts';
import { startWorker, type StartedWorker } from '../worker.ts';

/** Of feeding those that lack samples. */
const MOST_TURNS = 10;

const SIDES = ['agents', 'naive'] as const;
type Side = (typeof SIDES)[number];

interface Scale {
  /** Devices in one host, small and large. */
  readonly hosts: readonly number[];
  /** Samples for each device, so that every baseline is learned (40) and judging goes on. */
  readonly learn: number;
  /** Samples in all whose CPU time is taken, through the broker. */
  readonly fed: number;
  /** Samples pushed into the detector alone. */
  readonly pushed: number;
  readonly diagnoses: number;
}

const FULL: Scale = { hosts: [1000, 10_000], learn: 45, fed: 40_000, pushed: 100_000, diagnoses: 20 };
const QUICK: Scale = { hosts: [20, 50], learn: 45, fed: 500, pushed: 2_000, diagnoses: 1 };

interface Host {
  readonly samplesPerSecond: number;
  readonly kilobytesEach: number;
}

/** What it costs to watch devices: a sample, an agent, a diagnosis. */
export const device: Benchmark = { name: 'device', run };

async function run({ options, note }: BenchContext): Promise<BenchResult> {
  const scale = options.quick ? QUICK : FULL;
  const wanted = (name: string): boolean => options.only === undefined || name.includes(options.only);
  const file = await bundle(new URL('./worker.ts', import.meta.url));
  const measured: Measured[] = [];
  if (wanted('signals')) measured.push(...(await measureSignals(file, scale, options.rounds)));
  for (const count of scale.hosts) {
    if (!wanted(`${count} agents`)) continue;
    const hosts: Record<Side, Host[]> = { agents: [], naive: [] };
    for (let round = 0; round < options.rounds; round += 1)
      for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed()) {
        const host = await measureHost(file, side, count, scale);
        note(
          `round ${round + 1}: ${count} ${side}: ${host.samplesPerSecond.toFixed(0)} samples per CPU second, ${host.kilobytesEach.toFixed(1)} KB each`,
        );
        hosts[side].push(host);
      }
    measured.push(...hostRows(count, hosts));
  }
  return { measured, settings: { channels: 8, sampleRateHz: 12_000, store: 'memory', ...scale } };
}

async function measureSignals(file: string, scale: Scale, rounds: number): Promise<Measured[]> {
  const worker = await startWorker(file, 'signals', {});
  const samples = { samples: scale.pushed };
  const times = { times: scale.diagnoses };
  const taken = {
    detect: [] as number[],
    naive: [] as number[],
    diagnose: [] as number[],
    spectrum: [] as number[],
  };
  try {
    // Round 0 warms up.
    for (let round = 0; round <= rounds; round += 1) {
      const now = {
        detect: await worker.call('detect', samples),
        naive: await worker.call('naive', samples),
        diagnose: await worker.call('diagnose', times),
        spectrum: await worker.call('spectrum', times),
      };
      if (round === 0) continue;
      for (const name of ['detect', 'naive', 'diagnose', 'spectrum'] as const) taken[name].push(now[name]);
    }
  } finally {
    await worker.stop();
  }
  return [
    {
      name: 'signals: detector alone, 8 channels',
      unit: 'samples per CPU second',
      values: taken.detect,
      against: 'moving mean and spread',
      baselines: taken.naive,
      target: { kind: 'at-least', value: 20_000 },
    },
    {
      name: 'signals: diagnosis of one second of waveform',
      unit: 'ms of CPU',
      values: taken.diagnose,
      against: 'one spectrum of it',
      baselines: taken.spectrum,
    },
  ];
}

async function measureHost(file: string, side: Side, count: number, scale: Scale): Promise<Host> {
  const workers: StartedWorker[] = [];
  const start = async (role: string, parameters: object): Promise<StartedWorker> => {
    const worker = await startWorker(file, role, parameters);
    workers.unshift(worker);
    return worker;
  };
  try {
    const url = String((await start('broker', {})).ready['url']);
    const host = await start(side, { url });
    const feeder = await start('feeder', { url });
    const emptyBytes = residentBytesOf(host.pid);
    await host.call('start', { count });
    await learn(feeder, host, count, scale.learn);
    const before = await host.call('received');
    const cpuBefore = cpuMicrosecondsOf(host.pid);
    await feeder.call('feed', { count, samples: Math.max(1, Math.ceil(scale.fed / count)) });
    await arrived(host);
    const microseconds = Math.max(1, cpuMicrosecondsOf(host.pid) - cpuBefore);
    const kilobytesEach = (residentBytesOf(host.pid) - emptyBytes) / 1024 / count;
    const samples = (await host.call('received')) - before;
    return { samplesPerSecond: (samples / microseconds) * 1_000_000, kilobytesEach };
  } finally {
    for (const worker of workers) await worker.stop();
  }
}

/** Until every agent has its baseline. Telemetry has QoS 0, and a busy machine loses some: who lacks samples is fed again. */
async function learn(
  feeder: StartedWorker,
  host: StartedWorker,
  count: number,
  samples: number,
): Promise<void> {
  await feeder.call('feed', { count, samples });
  for (let turn = 0; turn < MOST_TURNS; turn += 1) {
    await arrived(host);
    const lacking = Object.entries(await host.call<Record<string, number>>('lacking', { samples }));
    if (lacking.length === 0) return;
    for (const [index, missing] of lacking)
      await feeder.call('feedOne', { index: Number(index), samples: missing });
  }
  throw new Error(`agents still lack samples after they were fed ${MOST_TURNS} times`);
}

/** Resolves when nothing has arrived for a while. */
async function arrived(host: StartedWorker): Promise<void> {
  let last = -1;
  for (let same = 0; same < 3;) {
    await delay(300);
    const now = await host.call('pulse');
    same = now === last ? same + 1 : 0;
    last = now;
  }
}

function hostRows(count: number, hosts: Record<Side, readonly Host[]>): Measured[] {
  const crowd = `${count} agents in one host`;
  const against = 'bare link, JSON.parse, moving mean';
  const row = (name: string, unit: string, of: (host: Host) => number): Measured => ({
    name: `${crowd}: ${name}`,
    unit,
    values: hosts.agents.map(of),
    against,
    baselines: hosts.naive.map(of),
  });
  return [
    row('telemetry to judgement', 'samples per CPU second', ({ samplesPerSecond }) => samplesPerSecond),
    row('resident memory of each', 'KB', ({ kilobytesEach }) => kilobytesEach),
  ];
}
