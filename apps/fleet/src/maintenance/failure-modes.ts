/**
 * What a verdict means for the machine: the failure-mode catalogue that the agents of the demo share.
 * Hours and speed limits are the demo plant's policy, not a standard.
 */
export interface FailureMode {
  readonly verdict: string;
  readonly component: string;
  readonly action: string;
  readonly skill: string;
  /** Hours of work once a technician stands at the machine. */
  readonly durationHours: number;
  /** Hours within which the work should start. */
  readonly dueHours: number;
  /** Highest speed until the repair, as a fraction of the rated speed; 1 leaves it alone. */
  readonly safeSpeedFraction: number;
}

const CATALOGUE: readonly FailureMode[] = [
  mode('inner-race', 'bearing-drive-end', 'Replace the drive-end bearing', 'bearings', 4, 72, 0.7),
  mode('outer-race', 'bearing-drive-end', 'Replace the drive-end bearing', 'bearings', 4, 120, 0.8),
  mode('ball', 'bearing-drive-end', 'Replace the drive-end bearing', 'bearings', 4, 168, 0.8),
  mode('imbalance', 'impeller', 'Clean and balance the impeller', 'balancing', 3, 168, 0.8),
  mode('misalignment', 'coupling', 'Align the coupling, check the soft foot', 'alignment', 3, 168, 0.9),
  mode(
    'looseness',
    'foundation',
    'Tighten the foundation bolts, check the pedestal',
    'mechanics',
    2,
    96,
    0.9,
  ),
  mode('healthy', 'process', 'Inspect the process side: suction, valves, filter', 'mechanics', 2, 168, 1),
  mode('unknown', 'machine', 'Take a full vibration survey on site', 'vibration-analysis', 2, 72, 0.9),
];

/** The catalogue's row for a verdict; an unlisted verdict is treated as `unknown`, never as healthy. */
export function failureMode(verdict: string): FailureMode {
  return CATALOGUE.find((row) => row.verdict === verdict) ?? failureMode('unknown');
}

function mode(
  verdict: string,
  component: string,
  action: string,
  skill: string,
  durationHours: number,
  dueHours: number,
  safeSpeedFraction: number,
): FailureMode {
  return { verdict, component, action, skill, durationHours, dueHours, safeSpeedFraction };
}
