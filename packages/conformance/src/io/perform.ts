import { NotRun } from '../core/conformance-error.ts';
import { redact } from '../core/redact.ts';
import type { ScenarioResult, Status } from '../core/report.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import type { Stage, StageOptions } from './stage.ts';

export interface Performance {
  readonly stage: Stage;
  run(): Promise<void>;
}

/** Runs one scenario on its stage, within its time. */
export async function performScenario(
  scenario: Scenario,
  options: StageOptions,
  open: () => Performance | Promise<Performance>,
): Promise<ScenarioResult> {
  const startedAtMs = performance.now();
  const { id, title, role, requirements } = scenario;
  let stage: Stage | undefined;
  let failure: unknown;
  try {
    const performance = await open();
    stage = performance.stage;
    await withinTime(performance.run(), options.timeoutMs * 6 + (scenario.extraMs ?? 0));
  } catch (error) {
    failure = error;
  }
  const trace = failure === undefined ? [] : (stage?.trace.lines(stage.secrets) ?? []);
  await stage?.end().catch(() => undefined);
  const status: Status = failure === undefined ? 'passed' : failure instanceof NotRun ? 'notRun' : 'failed';
  return {
    id,
    title,
    role,
    requirements,
    status,
    durationMs: Math.round(performance.now() - startedAtMs),
    ...(failure === undefined ? {} : { reason: redact((failure as Error).message, stage?.secrets) }),
    ...(status === 'failed' ? { trace } : {}),
  };
}

async function withinTime(work: Promise<void>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the scenario did not end within ${limitMs} ms`)), limitMs);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
