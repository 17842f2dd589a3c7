import type { Report, ScenarioResult } from './report.ts';

/** The report as JUnit XML: a suite for each role, a case for each scenario; one that did not run is skipped, with its reason. */
export function reportAsJunit(report: Report): string {
  const suites = Object.entries(report.roles).map(([role, counts]) => {
    const cases = report.scenarios.filter((scenario) => scenario.role === role);
    const attributes = {
      name: `${report.subject} as ${role} on ${report.broker}`,
      tests: cases.length,
      failures: counts.failed,
      skipped: counts.notRun,
      time: seconds(cases.reduce((sum, { durationMs }) => sum + durationMs, 0)),
    };
    return `  <testsuite${write(attributes)}>\n${cases.map(caseOf).join('\n')}\n  </testsuite>`;
  });
  const total = {
    name: 'A2A over MQTT conformance',
    tests: report.scenarios.length,
    failures: report.failed,
    skipped: report.notRun,
  };
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${write(total)}>\n${suites.join('\n')}\n</testsuites>\n`;
}

function caseOf({ id, title, role, status, reason, durationMs, trace }: ScenarioResult): string {
  const opening = `    <testcase${write({ classname: role, name: `${id} ${title}`, time: seconds(durationMs) })}`;
  if (status === 'passed') return `${opening}/>`;
  const message = (reason ?? '').split('\n')[0] ?? '';
  const body =
    status === 'notRun'
      ? `<skipped${write({ message })}/>`
      : `<failure${write({ message })}>${escape([reason ?? '', ...(trace ?? [])].join('\n'))}</failure>`;
  return `${opening}>\n      ${body}\n    </testcase>`;
}

function write(attributes: Readonly<Record<string, string | number>>): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${escape(String(value))}"`)
    .join('');
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3);
}

/** Characters that XML 1.0 cannot hold at all are replaced: packets may have any. */
function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD]/g, '\uFFFD');
}
