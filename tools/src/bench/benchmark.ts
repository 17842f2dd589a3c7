import type { BenchOptions } from './options.ts';
import type { Measured } from './report.ts';

export interface BenchContext {
  readonly options: BenchOptions;
  /** For the reader on stderr; stdout is for the report. */
  readonly note: (text: string) => void;
}

export interface BenchResult {
  readonly measured: readonly Measured[];
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface Benchmark {
  readonly name: string;
  run(context: BenchContext): Promise<BenchResult>;
}
