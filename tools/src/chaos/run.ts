/** What the processes of a chaos run and their parent agree on. */
export const ORG = 'o';
export const UNIT = 'chaos';
export const ROLE_VARIABLE = 'SHOAL_CHAOS_ROLE';
/** Marks the processes of one run, also those whose parent is gone. */
export const RUN_VARIABLE = 'SHOAL_CHAOS_RUN';

/** A line of the file of effects: something was done to the world. */
export interface EffectLine {
  readonly sessionId: string;
  readonly stepId: string;
}
