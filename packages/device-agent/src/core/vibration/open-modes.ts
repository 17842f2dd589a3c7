import { SUSPICIOUS_DB, type VibrationDiagnosis, type VibrationVerdict } from './diagnose.ts';

/**
 * The verdicts that the signal leaves open: the one it names, or for `unknown` the bearing faults whose lines stand out, the fault of the
 * shaft if its pattern is there, and `unknown`. Most likely first; never `healthy` beside others.
 */
export function openModes({ verdict, bearing, shaft }: VibrationDiagnosis): VibrationVerdict[] {
  if (verdict !== 'unknown') return [verdict];
  const faults = bearing.filter(({ scoreDb }) => scoreDb >= SUSPICIOUS_DB).map(({ fault }) => fault);
  return [...faults, ...(shaft.fault === undefined ? [] : [shaft.fault]), 'unknown'];
}
