import type { Supervisor, SupervisorOptions } from '../types.ts';

export function createSupervisor(_options: SupervisorOptions): Supervisor {
  throw new Error('not there yet');
}
