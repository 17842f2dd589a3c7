export const SUPERVISOR = 'packages/supervisor/contract';
export const WORKFLOW = 'packages/workflow/contract/run-step.test.ts';
export const SCENARIOS_TEST = `${SUPERVISOR}/scenarios.test.ts`;
export const KILL = 'apps/fleet/test/kill.test.ts';
export const CONSOLE = 'apps/console/test';
export const PLAN = 'packages/workflow/src/core/plan.test.ts';
export const PARSE = 'packages/workflow/src/core/parse-workflow.test.ts';
export const SUPERVISOR_TEST = `${SUPERVISOR}/supervisor.test.ts`;
