import { ConformanceError } from './conformance-error.ts';
import type { Report } from './report.ts';

/** Scenario ids that are known to fail, each with the reason. */
export type ExpectedFailures = Readonly<Record<string, string>>;

export interface Verdict {
  readonly ok: boolean;
  /** Failed, and not expected to. */
  readonly unexpectedFailures: readonly string[];
  /** Expected to fail, and passed: take them off the list. */
  readonly unexpectedPasses: readonly string[];
  /** Expected to fail, and failed. */
  readonly expectedFailures: readonly string[];
}

/** Reads an expected-failures file. Throws ConformanceError `invalid-expectations`. */
export function parseExpectedFailures(text: string, known: ReadonlySet<string>): ExpectedFailures {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ConformanceError('invalid-expectations', `not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ConformanceError('invalid-expectations', 'must be an object: scenario id to reason');
  for (const [id, reason] of Object.entries(value)) {
    if (!known.has(id)) throw new ConformanceError('invalid-expectations', `${id} is no scenario`);
    if (typeof reason !== 'string' || reason === '')
      throw new ConformanceError('invalid-expectations', `${id} needs a reason`);
  }
  return value as ExpectedFailures;
}

/** Compares a report with what is known to fail: not `ok` when something else failed, and when something passed that is on the list. */
export function judge(report: Report, expected: ExpectedFailures = {}): Verdict {
  const ids = (status: string, isExpected: boolean): string[] =>
    report.scenarios
      .filter((scenario) => scenario.status === status && scenario.id in expected === isExpected)
      .map(({ id }) => id);
  const unexpectedFailures = ids('failed', false);
  const unexpectedPasses = ids('passed', true);
  return {
    ok: unexpectedFailures.length === 0 && unexpectedPasses.length === 0,
    unexpectedFailures,
    unexpectedPasses,
    expectedFailures: ids('failed', true),
  };
}
