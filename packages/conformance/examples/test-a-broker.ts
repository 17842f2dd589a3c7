import { SCENARIOS, runConformance } from '@shoal/conformance';

const { report, verdict } = await runConformance({
  broker: process.env['SHOAL_BROKER_URL'] ?? 'mqtt://127.0.0.1:1883',
  subjectName: 'my broker',
  roles: ['broker'],
  only: ['B01', 'B06', 'B07'],
});
console.log(
  `${report.passed} of ${report.scenarios.length} passed (of ${SCENARIOS.length} scenarios in all)`,
);
process.exitCode = verdict.ok ? 0 : 1;
