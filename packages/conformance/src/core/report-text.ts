import type { Verdict } from './expectations.ts';
import type { Report, ScenarioResult } from './report.ts';

const MARKS = { passed: 'ok     ', failed: 'FAIL   ', notRun: 'not run' } as const;

/** The report for people. Ends with the counts and the level. */
export function reportAsText(
  report: Report,
  verdict: Verdict,
  options: { readonly all?: boolean } = {},
): string {
  const lines = [`${report.subject} on ${report.broker}`, ''];
  for (const [role, { passed, failed, notRun, level, extended, missing }] of Object.entries(report.roles)) {
    lines.push(`${role}: ${passed} passed, ${failed} failed, ${notRun} not run`);
    for (const scenario of report.scenarios.filter((one) => one.role === role))
      lines.push(...scenarioLines(scenario, verdict, options.all ?? true));
    lines.push(`  level: ${level}${extended.length === 0 ? '' : ` (${extended.join(', ')})`}`);
    if (missing.length > 0) lines.push(...missing.map((gap) => `  in the way of Core: ${gap}`));
    lines.push('');
  }
  for (const id of verdict.unexpectedFailures) lines.push(`unexpected failure: ${id}`);
  for (const id of verdict.unexpectedPasses)
    lines.push(`expected to fail, but passed: ${id} (take it off the list)`);
  lines.push(
    `${report.passed} passed, ${report.failed} failed${verdict.expectedFailures.length === 0 ? '' : ` (${verdict.expectedFailures.length} expected)`}, ${report.notRun} not run`,
    `level: ${report.level}`,
  );
  return lines.join('\n');
}

function scenarioLines(scenario: ScenarioResult, verdict: Verdict, all: boolean): string[] {
  const { id, title, status, reason, requirements, trace } = scenario;
  if (status === 'passed' && !all) return [];
  const expected = verdict.expectedFailures.includes(id);
  const lines = [`  ${expected ? 'known  ' : MARKS[status]} ${id}  ${title}  [${requirements.join(' ')}]`];
  if (reason !== undefined && status !== 'passed')
    lines.push(...reason.split('\n').map((line) => `            ${line}`));
  if (status === 'failed' && !expected) lines.push(...(trace ?? []).map((line) => `            | ${line}`));
  return lines;
}
