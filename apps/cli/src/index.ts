export { run } from './run.ts';
export type { Io, TextSink, TextSource } from './io.ts';
export { EXIT_CODES, type Outcome } from './exit-codes.ts';
export { SHAPES } from './shapes/index.ts';
