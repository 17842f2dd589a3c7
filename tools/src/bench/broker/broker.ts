import type { BenchContext, Benchmark, BenchResult } from '../benchmark.ts';
import { bundle } from '../bundle.ts';
import { UsageError } from '../options.ts';
import type { Measured } from '../report.ts';
import { Arena, type Sample } from './arena.ts';
import { CONTENDERS, isAvailable, type Contender } from './contenders.ts';
import { PAYLOAD_BYTES } from './generator/message.ts';
import { SCENARIOS, type Quantity, type Scenario } from './scenarios.ts';

const DURATION_MS = 500;
const QUICK_DURATION_MS = 60;

/** The embedded broker against Mosquitto and aedes, one load generator for all, every broker in a process of its own. */
export const broker: Benchmark = { name: 'broker', run };

/** By scenario and contender, a sample for each round. */
type Samples = Map<Scenario, Map<Contender, Sample[]>>;

async function run({ options, note }: BenchContext): Promise<BenchResult> {
  const { quick, only, rounds } = options;
  const chosen = SCENARIOS.filter(
    ({ name, group, long }) =>
      !(quick && long === true) && (only === undefined || group === only || name.includes(only)),
  );
  if (chosen.length === 0) {
    const groups = [...new Set(SCENARIOS.map(({ group }) => group))].join(', ');
    throw new UsageError(`--only ${only}: no row has that in its name; groups are ${groups}`);
  }
  const file = await bundle(new URL('./worker.ts', import.meta.url));
  const arena = new Arena(file, quick ? QUICK_DURATION_MS : DURATION_MS);
  const samples: Samples = new Map();
  try {
    // Round 0 warms up and is not counted.
    for (let round = 0; round <= rounds; round += 1) {
      for (const scenario of chosen) await measure(arena, scenario, round, samples, note);
    }
    return {
      measured: chosen.flatMap((scenario) => rowsOf(scenario, samples.get(scenario)!)),
      settings: settingsOf(arena, chosen),
    };
  } finally {
    await arena.stop();
  }
}

function settingsOf(
  { durationMs, lost }: Arena,
  chosen: readonly Scenario[],
): Readonly<Record<string, unknown>> {
  const names = new Set(chosen.flatMap(({ value, baselines }) => [value, ...baselines]));
  return {
    payloadBytes: PAYLOAD_BYTES,
    durationMs,
    contenders: [...names].map((name) => CONTENDERS[name] + (isAvailable(name) ? '' : ' (not installed)')),
    mosquitto:
      'set_tcp_nodelay true, max_inflight_messages 1000, max_queued_messages 0 unless said otherwise',
    lost,
  };
}

/** Contenders take turns, and begin with another one in the next round. */
async function measure(
  arena: Arena,
  scenario: Scenario,
  round: number,
  samples: Samples,
  note: (text: string) => void,
): Promise<void> {
  const contenders = [scenario.value, ...scenario.baselines].filter(isAvailable);
  const seen: string[] = [];
  for (let turn = 0; turn < contenders.length; turn += 1) {
    const contender = contenders[(round + turn) % contenders.length]!;
    const sample = await arena.sample(scenario, contender);
    seen.push(`${contender} ${printable(sample)}`);
    if (round === 0) continue;
    const ofScenario = samples.get(scenario) ?? new Map<Contender, Sample[]>();
    samples.set(scenario, ofScenario.set(contender, [...(ofScenario.get(contender) ?? []), sample]));
  }
  note(`${round === 0 ? 'warm-up' : `round ${round}`}: ${scenario.name}: ${seen.join('; ')}`);
}

const short = (value: number): string => String(Number(value.toPrecision(4)));

const printable = (sample: Sample): string =>
  typeof sample === 'number'
    ? short(sample)
    : Object.entries(sample)
        .map(([name, value]) => `${name} ${short(value)}`)
        .join(', ');

function rowsOf(scenario: Scenario, samples: ReadonlyMap<Contender, readonly Sample[]>): Measured[] {
  return scenario.quantities.flatMap((quantity) =>
    scenario.baselines.map((baseline): Measured => {
      const installed = isAvailable(baseline);
      return {
        name: scenario.name + quantity.name,
        unit: quantity.unit,
        values: valuesOf(samples.get(scenario.value)!, quantity),
        against: CONTENDERS[baseline] + (installed ? '' : ' (not installed)'),
        baselines: installed ? valuesOf(samples.get(baseline)!, quantity) : undefined,
        target: quantity.targets?.[baseline],
      };
    }),
  );
}

const valuesOf = (samples: readonly Sample[], { field }: Quantity): number[] =>
  samples.map((sample) => (typeof sample === 'number' ? sample : (sample[field ?? ''] ?? Number.NaN)));
