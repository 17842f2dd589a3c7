import type { OptionSpec } from '../program/leaf.ts';

/** When a watching command ends by itself. */
export const COLLECT_OPTIONS: readonly OptionSpec[] = [
  { flags: '--count <n>', description: 'end after so many' },
  { flags: '--for <seconds>', description: 'end after so long' },
];
