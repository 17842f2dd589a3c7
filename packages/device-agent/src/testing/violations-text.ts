import { describeViolations, type Validation } from '@shoal/protocol';

/** For tests: the violations as text, empty when there are none. */
export function describeViolationsOf(validation: Validation<unknown>): string {
  return validation.ok ? '' : describeViolations(validation.violations);
}
