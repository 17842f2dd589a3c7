import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchContext, Benchmark, BenchResult } from '../benchmark.ts';
import { bundle } from '../bundle.ts';
import type { Measured, Target } from '../report.ts';
import { percentile } from '../statistics.ts';
import { startWorker, type StartedWorker } from '../worker.ts';
import { monotonicMs } from './monotonic.ts';

/** From a death to the step at work again, and what a restart of the broker or of a supervisor costs. Nothing to compare with. */
export const recovery: Benchmark = { name: 'recovery', run };

interface Scale {
  readonly kills: number;
  /** Each needs a Node process to start. */
  readonly slowKills: number;
  readonly running: number;
  readonly live: number;
}

const FULL: Scale = { kills: 100, slowKills: 25, running: 1_000, live: 10_000 };
const QUICK: Scale = { kills: 3, slowKills: 2, running: 20, live: 200 };

type SpawnerName = 'in process' | 'thread' | 'warm child' | 'cold child' | 'hosts';

interface Spawned {
  readonly name: SpawnerName;
  readonly row: string;
  readonly p99?: number;
  readonly isSlow?: boolean;
}

const SPAWNERS: readonly Spawned[] = [
  { name: 'in process', row: 'in-process instance ended', p99: 50 },
  { name: 'thread', row: 'thread ended', isSlow: true },
  { name: 'warm child', row: 'warm child process killed', p99: 100, isSlow: true },
  { name: 'cold child', row: 'cold child process killed', p99: 500, isSlow: true },
  { name: 'hosts', row: 'remote host killed', isSlow: true },
];

class Bench {
  readonly #file: string;
  readonly #step: string;
  readonly #stops: (() => Promise<void>)[] = [];

  constructor(file: string, step: string) {
    this.#file = file;
    this.#step = step;
  }

  async start(role: string, parameters: object): Promise<StartedWorker> {
    const worker = await startWorker(this.#file, role, { step: this.#step, port: 0, ...parameters });
    this.#stops.unshift(() => worker.stop());
    return worker;
  }

  async directory(): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'shoal-bench-'));
    this.#stops.push(() => rm(directory, { recursive: true }));
    return directory;
  }

  async broker(): Promise<string> {
    return String((await this.start('broker', { directory: await this.directory() })).ready['url']);
  }

  /** Last come, first gone; directories last. */
  async close(): Promise<void> {
    for (const stop of this.#stops.splice(0)) await stop();
  }
}

async function run({ options, note }: BenchContext): Promise<BenchResult> {
  const scale = options.quick ? QUICK : FULL;
  const file = await bundle(new URL('./worker.ts', import.meta.url));
  const step = await bundle(new URL('./step.ts', import.meta.url));
  const wanted = (row: string): boolean => options.only === undefined || row.includes(options.only);
  const measured: Measured[] = [];
  const inBench = async (measure: (bench: Bench) => Promise<readonly Measured[]>): Promise<void> => {
    const bench = new Bench(file, step);
    try {
      measured.push(...(await measure(bench)));
    } finally {
      await bench.close();
    }
  };
  for (const spawned of SPAWNERS)
    if (wanted(spawned.row)) await inBench((bench) => kills(bench, spawned, scale, options.rounds, note));
  if (wanted(BROKER_ROW)) await inBench((bench) => brokerRestarts(bench, scale, options.rounds, note));
  if (wanted(SUPERVISOR_ROW))
    await inBench((bench) => supervisorRestarts(bench, scale, options.rounds, note));
  return { measured, settings: { ...scale, store: 'disk', policy: 'the defaults' } };
}

/** From the kill to the first line of the step's code in the next attempt. */
async function kills(
  bench: Bench,
  { name, row, p99, isSlow }: Spawned,
  scale: Scale,
  rounds: number,
  note: (text: string) => void,
): Promise<readonly Measured[]> {
  const url = await bench.broker();
  const hosts = new HostPair(bench, url);
  if (name === 'hosts') await hosts.fill();
  const supervisor = await bench.start('supervisor', { url, spawner: name });
  const times: number[][] = [];
  // Round 0 warms up.
  for (let round = 0; round <= rounds; round += 1) {
    const inRound: number[] = [];
    const count = round === 0 ? 2 : isSlow === true ? scale.slowKills : scale.kills;
    for (let at = 0; at < count; at += 1) {
      const pid = await supervisor.call('begin');
      const killedAtMs = await kill(name, pid, supervisor, hosts);
      inRound.push((await supervisor.call('resumed')) - killedAtMs);
      if (name === 'hosts') await hosts.fill();
    }
    note(
      `${round === 0 ? 'warm-up' : `round ${round}`}: ${row}: p50 ${percentile(inRound, 0.5).toFixed(1)} ms`,
    );
    if (round > 0) times.push(inRound);
  }
  await supervisor.call('end');
  const target: Target | undefined = p99 === undefined ? undefined : { kind: 'at-most', value: p99 };
  return [
    rowOf(
      `${row}, p50`,
      'ms',
      times.map((all) => percentile(all, 0.5)),
    ),
    rowOf(
      `${row}, p99`,
      'ms',
      times.map((all) => percentile(all, 0.99)),
      target,
    ),
  ];
}

async function kill(
  name: SpawnerName,
  pid: number,
  supervisor: StartedWorker,
  hosts: HostPair,
): Promise<number> {
  if (name === 'in process' || name === 'thread') return supervisor.call('die');
  if (name === 'hosts') return hosts.kill(pid);
  const atMs = monotonicMs();
  process.kill(pid, 'SIGKILL');
  return atMs;
}

/** Two hosts, so that the other can take over. */
class HostPair {
  readonly #bench: Bench;
  readonly #url: string;
  readonly #hosts = new Map<number, StartedWorker>();
  #started = 0;

  constructor(bench: Bench, url: string) {
    this.#bench = bench;
    this.#url = url;
  }

  async fill(): Promise<void> {
    while (this.#hosts.size < 2) {
      const host = await this.#bench.start('host', {
        url: this.#url,
        hostId: `host-${(this.#started += 1)}`,
      });
      this.#hosts.set(host.pid, host);
    }
  }

  kill(pid: number): number {
    const host = this.#hosts.get(pid);
    this.#hosts.delete(pid);
    const atMs = monotonicMs();
    host?.kill();
    return atMs;
  }
}

const BROKER_ROW = 'broker killed and started again';

async function brokerRestarts(
  bench: Bench,
  scale: Scale,
  rounds: number,
  note: (text: string) => void,
): Promise<readonly Measured[]> {
  const directory = await bench.directory();
  let broker = await bench.start('broker', { directory });
  const url = String(broker.ready['url']);
  const port = Number(new URL(url).port);
  const crowd = await bench.start('crowd', { url });
  const fromKill: number[] = [];
  const fromReady: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await crowd.call('begin', { count: scale.running });
    const killedAtMs = monotonicMs();
    broker.kill();
    await broker.stop();
    broker = await bench.start('broker', { directory, port });
    const readyAtMs = monotonicMs();
    const progressedAtMs = await crowd.call('progressed');
    fromKill.push(progressedAtMs - killedAtMs);
    fromReady.push(progressedAtMs - readyAtMs);
    note(
      `round ${round + 1}: ${BROKER_ROW}: ${fromKill.at(-1)!.toFixed(0)} ms, ${await crowd.call('again')} steps begun again`,
    );
  }
  const row = `${BROKER_ROW}: all of ${scale.running} steps go on`;
  return [
    rowOf(`${row}, from the kill`, 'ms', fromKill),
    rowOf(`${row}, from its port open`, 'ms', fromReady),
  ];
}

const SUPERVISOR_ROW = 'supervisor started';

async function supervisorRestarts(
  bench: Bench,
  scale: Scale,
  rounds: number,
  note: (text: string) => void,
): Promise<readonly Measured[]> {
  const url = await bench.broker();
  const writer = await bench.start('writer', { url });
  await writer.call('write', { count: scale.live });
  const times: number[] = [];
  const peaks: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const startedAtMs = monotonicMs();
    const restarted = await bench.start('restarted', { url });
    const { atMs, sessions, peakMb } = restarted.ready as Record<string, number>;
    restarted.kill();
    await restarted.stop();
    if (sessions !== scale.live) throw new Error(`it found ${sessions} of ${scale.live} sessions`);
    times.push(atMs! - startedAtMs);
    peaks.push(peakMb!);
    note(`round ${round + 1}: ${SUPERVISOR_ROW}: ${times.at(-1)!.toFixed(0)} ms, ${peakMb!.toFixed(0)} MB`);
  }
  const row = `${SUPERVISOR_ROW} with ${scale.live} live sessions`;
  return [
    rowOf(`${row}, reconciled`, 'ms', times, { kind: 'at-most', value: 3_000 }),
    rowOf(`${row}, most memory`, 'MB', peaks, { kind: 'at-most', value: 300 }),
  ];
}

function rowOf(name: string, unit: string, values: readonly number[], target?: Target): Measured {
  return { name, unit, values, against: 'nothing to compare with', baselines: undefined, target };
}
