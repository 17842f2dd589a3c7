import { startMosquitto } from '@shoal/mqtt-link/testing';
import { setTimeout as delay } from 'node:timers/promises';
import type { BenchContext, Benchmark, BenchResult } from '../benchmark.ts';
import { cpuMicrosecondsOf, residentBytesOf } from '../broker/process-usage.ts';
import { bundle } from '../bundle.ts';
import type { Measured, Target } from '../report.ts';
import { median } from '../statistics.ts';
import { startWorker, type StartedWorker } from '../worker.ts';

const SIDES = ['sdk', 'raw'] as const;
type Side = (typeof SIDES)[number];

interface Scale {
  readonly agents: number;
  /** How long the fleet is watched doing nothing. */
  readonly idleMs: number;
  /** Reads of all cards in a round, in turns. */
  readonly reads: number;
}

const FULL: Scale = { agents: 10_000, idleMs: 10_000, reads: 5 };
const QUICK: Scale = { agents: 500, idleMs: 1_000, reads: 2 };

interface Fleet {
  readonly startMs: number;
  readonly kilobytesEach: number;
  readonly idleCpuPercent: number;
}

/** Many agents in one process against as many bare MQTT.js clients, each over TCP to a broker in another process. */
export const agents: Benchmark = { name: 'agents', run };

async function run({ options, note }: BenchContext): Promise<BenchResult> {
  const scale = options.quick ? QUICK : FULL;
  const file = await bundle(new URL('./worker.ts', import.meta.url));
  const fleets: Record<Side, Fleet[]> = { sdk: [], raw: [] };
  const reads: Record<Side, number[]> = { sdk: [], raw: [] };
  // Round 0 warms up and is not counted.
  for (let round = options.quick ? 1 : 0; round <= options.rounds; round += 1) {
    for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed()) {
      const seen = await measureFleet(file, side, scale, options.broker);
      note(
        `round ${round}: ${side}: started in ${seen.fleet.startMs.toFixed(0)} ms, ${seen.fleet.kilobytesEach.toFixed(1)} KB each, ` +
          `idle ${seen.fleet.idleCpuPercent.toFixed(2)} %${describeReads(seen.reads)}`,
      );
      if (round === 0) continue;
      fleets[side].push(seen.fleet);
      if (seen.reads === undefined) continue;
      for (const reader of SIDES) reads[reader].push(seen.reads[reader]);
    }
  }
  const settings = {
    broker: options.broker,
    store: 'memory',
    streams: 'TCP, broker in another process',
    ...scale,
  };
  return { measured: rowsOf(scale, fleets, reads), settings };
}

/** A fleet on a broker of its own, which nothing was connected to before; the cards of the SDK's are then read. */
async function measureFleet(
  file: string,
  side: Side,
  scale: Scale,
  kind: BenchContext['options']['broker'],
): Promise<{ readonly fleet: Fleet; readonly reads: Record<Side, number> | undefined }> {
  const stops: (() => Promise<void>)[] = [];
  const start = async (role: string, parameters: object): Promise<StartedWorker> => {
    const worker = await startWorker(file, role, parameters);
    stops.unshift(() => worker.stop());
    return worker;
  };
  try {
    const url = await startBroker(kind, start, stops);
    const fleet = await start(`${side}-fleet`, { url });
    const beforeBytes = residentBytesOf(fleet.pid);
    const startMs = await fleet.call('start', { count: scale.agents });
    await delay(scale.idleMs / 5);
    const cpuBefore = cpuMicrosecondsOf(fleet.pid);
    await delay(scale.idleMs);
    // A few agents may use none that the system counts, and nothing can be divided by it.
    const idleMicroseconds = Math.max(1, cpuMicrosecondsOf(fleet.pid) - cpuBefore);
    const idleCpuPercent = idleMicroseconds / (scale.idleMs * 10);
    const kilobytesEach = (residentBytesOf(fleet.pid) - beforeBytes) / 1024 / scale.agents;
    const reads = side === 'sdk' ? await measureReads(url, scale, start) : undefined;
    return { fleet: { startMs, kilobytesEach, idleCpuPercent }, reads };
  } finally {
    for (const stop of stops) await stop();
  }
}

async function measureReads(
  url: string,
  { agents: count, reads }: Scale,
  start: (role: string, parameters: object) => Promise<StartedWorker>,
): Promise<Record<Side, number>> {
  const readers = { sdk: await start('sdk-reader', { url }), raw: await start('raw-reader', { url }) };
  const times: Record<Side, number[]> = { sdk: [], raw: [] };
  // The first of each warms up.
  for (let i = 0; i <= reads; i += 1) {
    for (const side of i % 2 === 0 ? SIDES : SIDES.toReversed()) {
      const ms = await readers[side].call('read', { count });
      if (i > 0) times[side].push(ms);
    }
  }
  return { sdk: median(times.sdk), raw: median(times.raw) };
}

async function startBroker(
  kind: BenchContext['options']['broker'],
  start: (role: string, parameters: object) => Promise<StartedWorker>,
  stops: (() => Promise<void>)[],
): Promise<string> {
  if (kind === 'embedded') return String((await start('broker', {})).ready['url']);
  const mosquitto = await startMosquitto();
  stops.unshift(() => mosquitto.stop());
  return mosquitto.url;
}

function rowsOf(
  { agents: count }: Scale,
  fleets: Record<Side, readonly Fleet[]>,
  reads: Record<Side, readonly number[]>,
): Measured[] {
  const against = 'MQTT.js';
  const row = (name: string, unit: string, of: (fleet: Fleet) => number, target: Target): Measured => ({
    name,
    unit,
    values: fleets.sdk.map(of),
    against,
    baselines: fleets.raw.map(of),
    target,
  });
  const crowd = count.toLocaleString('en');
  return [
    row(`${crowd} agents, until all are discoverable`, 'ms', ({ startMs }) => startMs, {
      kind: 'at-most',
      ratio: 2,
    }),
    row('RSS each', 'KB', ({ kilobytesEach }) => kilobytesEach, { kind: 'at-most', value: 45 }),
    row('idle CPU of all', '% of a core', ({ idleCpuPercent }) => idleCpuPercent, {
      kind: 'at-most',
      value: 3,
    }),
    {
      name: `${crowd} cards to a new registry-client`,
      unit: 'ms',
      values: reads.sdk,
      against: 'MQTT.js + JSON.parse',
      baselines: reads.raw,
      target: { kind: 'at-most', ratio: 2 },
    },
  ];
}

function describeReads(reads: Record<Side, number> | undefined): string {
  return reads === undefined
    ? ''
    : `, cards read in ${reads.sdk.toFixed(0)} ms by the registry, ${reads.raw.toFixed(0)} ms by MQTT.js`;
}
