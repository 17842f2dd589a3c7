/** What a verdict means for the machine. Hours, costs and speed limits are a plant's policy, not a standard. */
export interface FailureMode {
  readonly verdict: string;
  readonly component: string;
  readonly action: string;
  readonly skills: readonly string[];
  readonly durationMinutes: number;
  /** One piece of each is needed. */
  readonly parts: readonly string[];
  /** Hours within which the work should begin; also when one such machine in ten has failed. */
  readonly dueInHours: number;
  /** Highest speed until the repair, as a fraction of the speed it runs at; 1 leaves it alone. */
  readonly safeSpeedFraction: number;
}

/** A mode for each verdict of the vibration diagnosis. Durations, deadlines and speeds are examples: put your own in the policy. */
export const DEFAULT_FAILURE_MODES: readonly FailureMode[] = [
  mode('inner-race', 'bearing-drive-end', 'Replace the drive-end bearing', 'bearings', 4, 72, 0.7, true),
  mode('outer-race', 'bearing-drive-end', 'Replace the drive-end bearing', 'bearings', 4, 120, 0.8, true),
  mode('ball', 'bearing-drive-end', 'Replace the drive-end bearing', 'bearings', 4, 168, 0.8, true),
  mode('imbalance', 'impeller', 'Clean and balance the impeller', 'balancing', 3, 168, 0.8, false),
  mode('misalignment', 'coupling', 'Align the coupling, check the soft foot', 'alignment', 3, 168, 0.9, true),
  mode(
    'looseness',
    'foundation',
    'Tighten the foundation bolts, check the pedestal',
    'mechanics',
    2,
    96,
    0.9,
    true,
  ),
  mode(
    'healthy',
    'process',
    'Inspect the process side: suction, valves, filter',
    'mechanics',
    2,
    168,
    1,
    false,
  ),
  mode('unknown', 'machine', 'Take a full vibration survey on site', 'vibration-analysis', 2, 72, 0.9, false),
];

/** The row for a verdict; one that is not listed is treated as `unknown`, never as healthy. */
export function failureMode(
  verdict: string,
  modes: readonly FailureMode[] = DEFAULT_FAILURE_MODES,
): FailureMode {
  const row =
    modes.find((known) => known.verdict === verdict) ?? modes.find((known) => known.verdict === 'unknown');
  return row ?? failureMode('unknown');
}

function mode(
  verdict: string,
  component: string,
  action: string,
  skill: string,
  hours: number,
  dueInHours: number,
  safeSpeedFraction: number,
  needsPart: boolean,
): FailureMode {
  const parts = needsPart ? [component] : [];
  return {
    verdict,
    component,
    action,
    skills: [skill],
    durationMinutes: hours * 60,
    parts,
    dueInHours,
    safeSpeedFraction,
  };
}
