/**
 * Ways to break what the simulation is there to guard. A simulation that finds nothing must show that it would: each of these has to
 * be found within a few hundred seeds.
 */
export const SABOTAGES = {
  'lying-disk': 'the broker acknowledges what is not on its disk yet',
  'careless-step': 'the step that must not act twice is declared idempotent',
  'absent-supervisor': 'a supervisor that was killed is not started again',
} as const;

export type Sabotage = keyof typeof SABOTAGES;

export function isSabotage(name: string): name is Sabotage {
  return name in SABOTAGES;
}
