import type { PlannedStep, RecordError, StepResult } from '@shoal/protocol';

export type Readiness =
  | { readonly ready: 'yes' }
  | { readonly ready: 'waiting'; readonly for: readonly string[] }
  | { readonly ready: 'never'; readonly error: RecordError };

type Edge = PlannedStep['needs'][number];

/**
 * May the step run? With `join: all` it waits until every need has ended, even when one has failed already: which error it names
 * then never depends on who was first.
 */
export function readinessOf(
  step: PlannedStep,
  resultOf: (stepId: string) => StepResult | undefined,
): Readiness {
  if (step.needs.length === 0) return { ready: 'yes' };
  const edges = step.needs.map((edge) => ({ edge, result: resultOf(edge.step) }));
  const pending = edges.filter(({ result }) => result === undefined).map(({ edge }) => edge.step);
  const satisfied = edges.filter(({ edge, result }) => result !== undefined && satisfies(edge, result));
  const required = requiredCount(step);
  if (step.join === 'all' && pending.length > 0) return { ready: 'waiting', for: pending };
  if (satisfied.length >= required) return { ready: 'yes' };
  if (pending.length > 0) return { ready: 'waiting', for: pending };
  const culprit = edges.find(({ edge, result }) => result !== undefined && !satisfies(edge, result));
  return {
    ready: 'never',
    error: blocked(culprit?.edge.step ?? '', culprit?.result, satisfied.length, required),
  };
}

function requiredCount(step: PlannedStep): number {
  if (step.join === 'all') return step.needs.length;
  return step.join === 'any' ? 1 : step.join.atLeast;
}

function satisfies(edge: Edge, result: StepResult): boolean {
  return result.state === 'completed' || edge.onFailure === 'continue';
}

function blocked(stepId: string, result: StepResult | undefined, have: number, want: number): RecordError {
  const code =
    result?.state === 'skipped' || result?.state === 'canceled' ? 'UPSTREAM_SKIPPED' : 'UPSTREAM_FAILED';
  const why = result?.error === undefined ? '' : ` (${result.error.code})`;
  return {
    code,
    message: `step ${stepId} is ${result?.state ?? 'missing'}${why}; ${have} of ${want} needs are met`,
  };
}

/** Does the failure of `step` leave the session whole? Every edge out of it must say so; without edges its own policy does. */
export function isTolerated(step: PlannedStep, steps: readonly PlannedStep[]): boolean {
  const policies = steps.flatMap((other) =>
    other.needs.filter((edge) => edge.step === step.id).map((edge) => edge.onFailure),
  );
  return (policies.length > 0 ? policies : [step.onFailure]).every((policy) => policy !== 'fail');
}
