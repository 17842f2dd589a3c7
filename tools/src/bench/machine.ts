import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import type { Machine } from './report.ts';

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryMb: Math.round(totalmem() / 1024 / 1024),
    platform: `${platform()} ${release()} ${arch()}`,
    node: process.versions.node,
  };
}
