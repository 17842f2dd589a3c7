import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mosquittoPath, startMosquitto } from '@shoal/mqtt-link/testing';
import type { BenchContext, Benchmark, BenchResult } from '../benchmark.ts';
import { bundle } from '../bundle.ts';
import { CPU_COMMAND } from '../serve.ts';
import type { Measured, Target } from '../report.ts';
import { startWorker, type StartedWorker } from '../worker.ts';
import { SHAPES, type Shape } from './shapes.ts';

/**
 * Workflows a second, five steps each, on the embedded broker with its store on disk. The baselines are Mosquitto, and the same packets
 * without an engine.
 */
export const workflow: Benchmark = { name: 'workflow', run };

interface Scale {
  readonly count: number;
  readonly inFlight: number;
  /** Times in a round, one after the other: what a third of a second says of a machine that others use too is chance. */
  readonly loads: number;
}

/** Workflows and how many of them at once, as Dapr runs them: `t_350_1400` and `t_110_440` in its tests/perf/workflows. */
const FULL: Readonly<Record<Shape, Scale>> = {
  chain: { count: 1_400, inFlight: 350, loads: 1 },
  fan: { count: 440, inFlight: 110, loads: 3 },
};
const QUICK: Readonly<Record<Shape, Scale>> = {
  chain: { count: 20, inFlight: 4, loads: 1 },
  fan: { count: 20, inFlight: 4, loads: 1 },
};

/** Ten times what Dapr 1.18 publishes on two cores, its store persistent as ours. */
const TARGETS: Readonly<Record<Shape, Target>> = {
  chain: { kind: 'at-least', value: 730 },
  fan: { kind: 'at-least', value: 1_080 },
};

type Figures = Readonly<Record<'perSecond' | 'p50' | 'p95' | Cpu, number>>;

/** Milliseconds of processor for one workflow. */
type Cpu = 'supervisorMs' | 'allMs';

interface Side {
  readonly name: string;
  readonly caller: StartedWorker;
  readonly supervisor: StartedWorker;
  /** Undefined: not a process of ours. */
  readonly broker: StartedWorker | undefined;
  readonly figures: Map<Shape, Figures[]>;
}

async function run({ options, note }: BenchContext): Promise<BenchResult> {
  const scale = options.quick ? QUICK : FULL;
  const file = await bundle(new URL('./worker.ts', import.meta.url));
  const directory = await mkdtemp(join(tmpdir(), 'shoal-bench-'));
  const stops: (() => Promise<void>)[] = [() => rm(directory, { recursive: true })];
  const start = async (role: string, parameters: unknown): Promise<StartedWorker> => {
    const worker = await startWorker(file, role, parameters);
    stops.unshift(() => worker.stop());
    return worker;
  };
  const side = async (
    name: string,
    url: string,
    role = 'supervisor',
    broker?: StartedWorker,
  ): Promise<Side> => {
    const supervisor = await start(role, { url });
    return { name, supervisor, broker, caller: await start('caller', { url }), figures: new Map() };
  };
  const embedded = async (name: string, role: string): Promise<Side> => {
    const broker = await start('broker', { directory: join(directory, name) });
    return side(name, String(broker.ready['url']), role, broker);
  };
  try {
    const ours = await embedded('embedded', 'supervisor');
    const bare = await embedded('bare packets', 'bare');
    const sides = [ours, bare];
    let other: Side | undefined;
    if (mosquittoPath() !== undefined) {
      const mosquitto = await startMosquitto({ config: ['max_inflight_messages 1000'], persistence: true });
      stops.unshift(() => mosquitto.stop());
      other = await side('mosquitto', mosquitto.url);
      sides.push(other);
    }
    // Round 0 warms up. No side is started anew in between: what piles up would show as decay.
    for (let round = 0; round <= options.rounds; round += 1)
      for (const shape of Object.keys(SHAPES) as Shape[])
        for (const one of sides) await measure(one, shape, scale[shape], round, note);
    const retained = await ours.caller.call('retained');
    return {
      measured: [
        ...(Object.keys(SHAPES) as Shape[]).flatMap((shape) => rowsOf(shape, ours, other)),
        ...(Object.keys(SHAPES) as Shape[]).flatMap((shape) => bareRowsOf(shape, ours, bare)),
        ...decayRows(ours),
        {
          name: 'retained records of a finished session',
          unit: 'records',
          values: [retained],
          against: 'nothing to compare with',
          baselines: undefined,
        },
      ],
      settings: {
        ...Object.fromEntries(
          Object.entries(scale).map(([shape, { count, inFlight, loads }]) => [
            shape,
            `${count}, ${inFlight} at once${loads === 1 ? '' : `, ${loads} times a round`}`,
          ]),
        ),
        steps: 'five, without work',
        spawner: 'in process',
        store: 'disk',
        sides: sides.map(({ name }) => name),
      },
    };
  } finally {
    for (const stop of stops) await stop();
  }
}

async function measure(side: Side, shape: Shape, scale: Scale, round: number, note: (text: string) => void) {
  const before = await cpuOf(side);
  const rates = (await side.caller.call(shape, { ...scale })) as unknown as Omit<Figures, Cpu>;
  const after = await cpuOf(side);
  const perOne = (cpu: Cpu): number => (after[cpu] - before[cpu]) / (scale.count * scale.loads);
  const figures = { ...rates, supervisorMs: perOne('supervisorMs'), allMs: perOne('allMs') };
  note(
    `${round === 0 ? 'warm-up' : `round ${round}`}: ${shape} on ${side.name}: ${figures.perSecond.toFixed(1)}/s`,
  );
  if (round > 0) side.figures.set(shape, [...(side.figures.get(shape) ?? []), figures]);
}

async function cpuOf({ supervisor, broker, caller }: Side): Promise<Readonly<Record<Cpu, number>>> {
  const msOf = async (worker: StartedWorker | undefined): Promise<number> =>
    worker === undefined ? Number.NaN : (await worker.call(CPU_COMMAND)) / 1000;
  const [supervisorMs, brokerMs, callerMs] = [await msOf(supervisor), await msOf(broker), await msOf(caller)];
  return { supervisorMs, allMs: supervisorMs + brokerMs + callerMs };
}

/** What the engine costs beyond its packets. */
function bareRowsOf(shape: Shape, ours: Side, bare: Side): Measured[] {
  const rows: [string, string, keyof Figures][] = [
    ['workflows', '1/s', 'perSecond'],
    ['CPU of supervisor', 'ms', 'supervisorMs'],
    ['CPU of broker, supervisor and caller', 'ms', 'allMs'],
  ];
  return rows.map(([what, unit, field]) => ({
    name: `${shape}, ${what}, of the engine`,
    unit,
    values: ours.figures.get(shape)!.map((figures) => figures[field]),
    against: 'the same packets without an engine',
    baselines: bare.figures.get(shape)!.map((figures) => figures[field]),
  }));
}

function rowsOf(shape: Shape, ours: Side, other: Side | undefined): Measured[] {
  const against = other === undefined ? 'Mosquitto (not installed)' : 'Mosquitto with persistence true';
  const rows: [string, string, keyof Figures, Target | undefined][] = [
    ['workflows', '1/s', 'perSecond', TARGETS[shape]],
    ['p50', 'ms', 'p50', undefined],
    ['p95', 'ms', 'p95', undefined],
  ];
  return rows.map(([what, unit, field, target]) => ({
    name: `${shape}, ${what}`,
    unit,
    values: ours.figures.get(shape)!.map((figures) => figures[field]),
    against,
    baselines: other?.figures.get(shape)?.map((figures) => figures[field]),
    target,
  }));
}

/** The last round against the first: a store or a tree that grows would show. */
function decayRows(ours: Side): Measured[] {
  return (Object.keys(SHAPES) as Shape[]).map((shape) => {
    const rates = ours.figures.get(shape)!.map(({ perSecond }) => perSecond);
    return {
      name: `${shape}, last round against the first`,
      unit: '1/s',
      values: [rates.at(-1)!],
      against: 'the first round',
      baselines: [rates[0]!],
      target: { kind: 'at-least', ratio: 0.95 },
    };
  });
}
