import type { SeedReport } from './io/run-seed.ts';

export interface SimulationReport {
  readonly runs: number;
  readonly failedSeeds: readonly {
    readonly seed: number;
    readonly scenario: string;
    readonly faults: readonly string[];
    readonly violations: readonly string[];
  }[];
  /** How many runs each invariant said something about. */
  readonly invariants: Readonly<Record<string, number>>;
  /** How often each kind of fault happened. */
  readonly faults: Readonly<Record<string, number>>;
  readonly scenarios: Readonly<Record<string, number>>;
  /** Seeds that were run twice and went two ways. */
  readonly unrepeatedSeeds: readonly number[];
  readonly virtualHours: number;
  readonly events: number;
}

export class Summary {
  #runs = 0;
  #virtualMs = 0;
  #events = 0;
  readonly #failed: SimulationReport['failedSeeds'][number][] = [];
  readonly #unrepeated: number[] = [];
  readonly #invariants = new Map<string, number>();
  readonly #faults = new Map<string, number>();
  readonly #scenarios = new Map<string, number>();

  add(report: SeedReport): void {
    const { seed, scenario, faults, violations, checked, virtualMs, events } = report;
    this.#runs += 1;
    this.#virtualMs += virtualMs;
    this.#events += events;
    count(this.#scenarios, scenario);
    if (report.unrepeated === true) this.#unrepeated.push(seed);
    for (const fault of faults) count(this.#faults, fault);
    for (const name of checked) count(this.#invariants, name);
    if (violations.length > 0) this.#failed.push({ seed, scenario, faults, violations });
  }

  report(): SimulationReport {
    return {
      runs: this.#runs,
      failedSeeds: this.#failed.toSorted((a, b) => a.seed - b.seed),
      invariants: sorted(this.#invariants),
      faults: sorted(this.#faults),
      scenarios: sorted(this.#scenarios),
      unrepeatedSeeds: this.#unrepeated.toSorted((a, b) => a - b),
      virtualHours: Math.round(this.#virtualMs / 36_000) / 100,
      events: this.#events,
    };
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function sorted(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

export function formatReport(report: SimulationReport): string {
  const { runs, failedSeeds, invariants, faults, virtualHours } = report;
  const lines = [
    ...failedSeeds.flatMap(({ seed, scenario, faults: happened, violations }) => [
      `seed ${seed} (${scenario}; ${happened.join(', ') || 'no fault'}):`,
      ...violations.map((violation) => `  ${violation.slice(0, 1000)}`),
      `  again: pnpm simulate --seeds ${seed} --trace`,
    ]),
    `${runs} runs, ${failedSeeds.length} failed, ${virtualHours} virtual hours`,
    ...(report.unrepeatedSeeds.length === 0
      ? []
      : [`run twice, and went two ways: seeds ${report.unrepeatedSeeds.join(', ')}`]),
    'invariants, and how many runs they were checked on:',
    ...Object.entries(invariants).map(([name, times]) => `  ${String(times).padStart(7)}  ${name}`),
    'faults:',
    ...Object.entries(faults).map(([name, times]) => `  ${String(times).padStart(7)}  ${name}`),
  ];
  return `${lines.join('\n')}\n`;
}
